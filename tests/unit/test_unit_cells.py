"""Effects of single treated units: aggregation, tables, and the interval of an estimator's own design."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.aggregate import Cells, weights
from evalkit.data.calendar import Calendar
from evalkit.errors import DesignRefused
from evalkit.estimate import Estimate
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import AggregationKind

SAME = 1e-12  # sums of a dozen terms


def by_unit() -> Cells:
    """Cohort 2 has units 0 and 1, cohort 3 unit 2; periods 1 to 4, effects unit + period / 10 from the start on."""
    unit = np.repeat([0, 1, 2], 4)
    cohort = np.repeat([2, 2, 3], 4)
    period = np.tile([1, 2, 3, 4], 3)
    event_time = period - cohort
    return Cells(
        cohort=cohort,
        period=period,
        event_time=event_time,
        estimate=np.where(event_time >= 0, unit + period / 10.0, 0.0),
        observed=np.arange(12.0),
        n_treated=np.ones(12, dtype=np.int64),
        is_reference=np.zeros(12, dtype=np.bool_),
        share_cohorts=np.array([2, 3]),
        shares=np.array([0.2, 0.1]),
        unit=unit,
        fraction=np.repeat([0.5, 0.5, 1.0], 4),
    )


def by_cohort() -> Cells:
    """The same with the units of a cohort averaged."""
    cells = by_unit()
    effect = cells.estimate.reshape(3, 4)
    return Cells(
        cohort=np.repeat([2, 3], 4),
        period=np.tile([1, 2, 3, 4], 2),
        event_time=np.tile([1, 2, 3, 4], 2) - np.repeat([2, 3], 4),
        estimate=np.concatenate([effect[:2].mean(axis=0), effect[2]]),
        observed=np.zeros(8),
        n_treated=np.repeat([2, 1], 4),
        is_reference=np.zeros(8, dtype=np.bool_),
        share_cohorts=cells.share_cohorts,
        shares=cells.shares,
    )


def estimate() -> Estimate:
    cells = by_unit()
    return Estimate(
        estimator="synthetic_control",
        settings={},
        cells=cells,
        uncertainty=Sampling(np.eye(14) * 0.01, n_clusters=3),
        calendar=Calendar("integer", 0, 1),
        n_units=3,
        n_treated_units=3,
        n_observations=12,
        seed=0,
        unit_names=("Lima", "Quito", "Bogota"),
        leads_from="fit",
    )


@pytest.mark.parametrize("kind", ["overall", "event_study", "cohort", "period"])
def test_effects_of_units_add_up_to_those_of_their_cohorts(kind: AggregationKind) -> None:
    units, cohorts = (weights(cells, kind) for cells in (by_unit(), by_cohort()))
    assert units.labels.tolist() == cohorts.labels.tolist()
    found = units.on_cells.T @ by_unit().estimate
    np.testing.assert_allclose(found, cohorts.on_cells.T @ by_cohort().estimate, atol=SAME)
    np.testing.assert_allclose(units.on_shares, cohorts.on_shares, atol=SAME)


def test_a_units_effect_is_its_mean_over_its_treated_periods() -> None:
    table = estimate().aggregate("unit")
    assert table["label"].tolist() == ["Lima", "Quito", "Bogota"]
    assert table["n_treated"].tolist() == [1, 1, 1]
    np.testing.assert_allclose(table["estimate"], [0.3, 1.3, 2.35], atol=SAME)
    np.testing.assert_allclose(table["std_error"], 0.1 / np.sqrt([3.0, 3.0, 2.0]), atol=SAME)


def test_units_are_counted_once_and_named_in_the_frame() -> None:
    made = estimate()
    assert made.aggregate("overall")["n_treated"].tolist() == [3]
    assert made.aggregate("event_study")["n_treated"].tolist() == [1, 3, 3, 3, 2]
    assert made.to_frame()["unit"].unique().tolist() == ["Lima", "Quito", "Bogota"]
    assert made.kinds[-1] == "unit"


def test_effects_of_cohorts_have_no_effects_of_units() -> None:
    made = dataclasses.replace(estimate(), cells=by_cohort())
    assert "unit" not in made.kinds
    with pytest.raises(DesignRefused, match="no effects by unit"):
        made.aggregate("unit")


def test_a_unit_without_its_share_is_refused() -> None:
    with pytest.raises(ValueError, match="come together"):
        dataclasses.replace(by_unit(), fraction=None)
