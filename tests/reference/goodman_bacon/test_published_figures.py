"""The decomposition of published studies, by type of comparison.

Sources, as printed: the vignette of R bacondecomp 0.1.1 (castle doctrine laws and log homicide, `post` from the
year of adoption, unweighted); the solutions to exercise 1 of Mixtape Sessions, Advanced DiD (Medicaid
expansions and coverage, Stata ddtiming). Both data sets come with Python packages.
"""

from __future__ import annotations

import causaldata
import moderndid
import numpy as np
import pandas as pd
import pytest

from evalkit.checks.base import CheckContext
from evalkit.checks.goodman_bacon import GoodmanBacon
from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.two_way_fixed_effects import TwoWayFixedEffects
from tests.simulated import spec

FIVE_DIGITS, THREE_DIGITS = 6e-6, 6e-4  # as printed; half a unit of the last digit and rounding
CASTLE = {"later": (0.05976, -0.00554), "earlier": (0.03190, 0.07032), "never": (0.90834, 0.08796)}
CASTLE_COEFFICIENT = 0.0818116169306475  # the package's notebook
SINGLE = 1e-7  # the package's data are single precision, those of causaldata double
MEDICAID = {"later": (0.149, 0.070), "earlier": (0.058, 0.045), "never": (0.793, 0.072)}
WORDS = {"later": "against later starts", "earlier": "against earlier starts (forbidden)",
         "never": "against never-treated"}  # fmt: skip


def _decomposed(panel: Panel) -> tuple[pd.DataFrame, dict[str, float]]:
    def fit(data: Panel) -> Estimate:
        return TwoWayFixedEffects().fit(data, rng=np.random.default_rng(0))

    (found,) = GoodmanBacon().run(CheckContext(spec(), panel, fit(panel), fit))
    assert found.exhibit is not None
    return pd.DataFrame(dict(found.exhibit.table)), dict(found.details)


def _by_type(rows: pd.DataFrame, name: str) -> tuple[float, float]:
    own = rows[rows["type"] == WORDS[name]]
    weight, estimate = own["weight"].to_numpy(float), own["estimate"].to_numpy(float)
    return float(weight.sum()), float(np.average(estimate, weights=weight))


@pytest.fixture(scope="module")
def castle() -> tuple[pd.DataFrame, dict[str, float]]:
    data = causaldata.castle.load_pandas().data
    first_full_year = data["sid"].map(data[data["post"] > 0].groupby("sid")["year"].min())
    data = data.assign(y=np.log(data["homicide"].astype(float)), adopted=first_full_year - 1)
    return _decomposed(Panel.from_frame(data, unit="sid", period="year", outcome="y", cohort="adopted"))


@pytest.fixture(scope="module")
def medicaid() -> tuple[pd.DataFrame, dict[str, float]]:
    data = moderndid.load_ehec().to_pandas()
    return _decomposed(Panel.from_frame(data, unit="stfips", period="year", outcome="dins", cohort="yexp2"))


@pytest.mark.parametrize("name", CASTLE)
def test_castle_doctrine_meets_the_published_decomposition(
    castle: tuple[pd.DataFrame, dict[str, float]], name: str
) -> None:
    assert _by_type(castle[0], name) == pytest.approx(CASTLE[name], abs=FIVE_DIGITS)


def test_castle_doctrine_meets_the_published_coefficient(castle: tuple[pd.DataFrame, dict[str, float]]) -> None:
    assert castle[1]["coefficient"] == pytest.approx(CASTLE_COEFFICIENT, abs=SINGLE)


@pytest.mark.parametrize("name", MEDICAID)
def test_medicaid_meets_the_published_decomposition(medicaid: tuple[pd.DataFrame, dict[str, float]], name: str) -> None:
    assert _by_type(medicaid[0], name) == pytest.approx(MEDICAID[name], abs=THREE_DIGITS)
