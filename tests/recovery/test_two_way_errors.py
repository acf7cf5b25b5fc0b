"""Size of CR1, CR2 and CR3 t tests of the static two-way coefficient when few units are treated and nothing happened.

AR(1) errors with coefficient 0.8, 20 periods, all treated units start in the middle (Bertrand, Duflo and Mullainathan
2004); designs as in tests/recovery/test_few_treated.py. docs/methods/two_way_fixed_effects.md prints the figures.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evalkit.inference.panel_errors import Regression, adjust, clustered, leverage_adjusted
from evalkit.numerics.two_way_system import set_up
from evalkit.numerics.unit_types import sort_into_types
from evalkit.testing.simulate import staggered_panel
from evalkit.vocabulary import FloatArray
from tests.calibrated.measure import Measured

LEVEL, PERIODS, RHO = 0.05, 20, 0.8
DESIGNS = [(3, 50), (5, 50), (10, 50), (3, 6)]
LONG = 2_000
# shares rejected at 5 % in 2,000 repetitions: CR1 with t(C-1), CR2 and CR3 with Satterthwaite's t
SIZES = {
    (3, 50): (0.1945, 0.0345, 0.0250),
    (5, 50): (0.1220, 0.0490, 0.0315),
    (10, 50): (0.0730, 0.0525, 0.0460),
    (3, 6): (0.0645, 0.0515, 0.0340),
}


def p_values(treated: int, units: int, seed: int) -> FloatArray:
    """(3,) p-values of CR1, CR2 and CR3."""
    panel = staggered_panel(
        n_units=units, n_periods=PERIODS, cohorts={PERIODS // 2 + 1: treated / units}, effect=0.0,
        autocorrelation=RHO, seed=seed,
    )  # fmt: skip
    types = sort_into_types([panel.outcome], panel.first_treated, panel.observed)
    system = set_up(types, (panel.time >= types.start[:, None])[None].astype(np.float64))
    regression = Regression(system, system.coefficient(), np.array([0]))
    found = []
    for errors in ("cr1", "cr2", "cr3"):
        if errors == "cr1":
            sampling = clustered([regression], None, "unit")
            degrees = float(sampling.degrees_of_freedom or 0.0)
        else:
            sampling = leverage_adjusted([adjust(regression, None, errors)], None, errors, "unit")  # type: ignore[arg-type]
            assert sampling.degrees_of is not None
            degrees = float(sampling.degrees_of(np.array([[1.0], [0.0]]))[0])
        t = regression.coefficient[0] / np.sqrt(sampling.covariance[0, 0])
        found.append(2.0 * stats.t(degrees).sf(abs(t)))
    return np.array(found)


def sizes(treated: int, units: int, repetitions: int) -> FloatArray:
    """(3,) shares of p-values at most 5 %."""
    p = np.array([p_values(treated, units, 7_000 + seed) for seed in range(repetitions)])
    found: FloatArray = (p <= LEVEL).mean(axis=0)
    return found


def error(share: float, repetitions: int) -> float:
    return float(np.sqrt(share * (1.0 - share) / repetitions))


@pytest.mark.parametrize(("treated", "units"), [(3, 50), (3, 6)])
def test_satterthwaite_holds_its_size_where_clustered_errors_do_not(treated: int, units: int) -> None:
    repetitions = 150
    clustered_size, cr2, cr3 = sizes(treated, units, repetitions)
    limit = LEVEL + 3.0 * error(LEVEL, repetitions)
    assert cr2 <= limit
    assert cr3 <= cr2
    assert clustered_size > limit or units == 6


@pytest.mark.calibration
@pytest.mark.parametrize(("treated", "units"), DESIGNS)
@pytest.mark.calibrates("two_way_fixed_effects", "clustered", "cr2", "cr3")
def test_size_at_length(treated: int, units: int, measured: Measured) -> None:
    """The printed table; CR2 between 3 % and 7 %, CR3 at most that, in each design."""
    found = sizes(treated, units, LONG)
    margin = 3.0 * error(0.1, LONG)
    for errors, share, printed in zip(("CR1", "CR2", "CR3"), found, SIZES[treated, units], strict=True):
        least, most = {"CR1": (0.0, 1.0), "CR2": (0.03, 0.07), "CR3": (0.02, 0.07)}[errors]
        measured.share(
            "two_way_fixed_effects", f"{treated} of {units} treated, autocorrelation {RHO:g}, no effect: {errors}",
            share, data_sets=LONG, nominal=LEVEL, rule="clustered" if errors == "CR1" else errors.lower(),
            asked=(max(least, printed - margin), min(most, printed + margin)),
        )  # fmt: skip
    np.testing.assert_allclose(found, SIZES[treated, units], atol=3.0 * error(0.1, LONG))
    assert 0.03 <= found[1] <= 0.07
    assert 0.02 <= found[2] <= 0.07
