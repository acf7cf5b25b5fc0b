"""Reassigning the roll-out: what it does, what it says, and when it cannot run."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest

import evalkit as ek
from evalkit.checks.base import CheckContext
from evalkit.checks.randomization_inference import RandomizationInference
from evalkit.errors import EstimationFailed
from evalkit.vocabulary import NEVER, Diagnostic
from tests.simulated import context, spec

SAME = 1e-9
"""Relative: two exact solutions of one least-squares problem."""


def few(
    treated: int = 1, units: int = 20, estimator: ek.Estimator | None = None, effect: float = 0.0, seed: int = 1
) -> CheckContext:
    """The context of a panel with few treated units."""
    panel = ek.testing.staggered_panel(
        n_units=units, n_periods=8, cohorts={5: treated / units}, effect=effect, noise=0.5, seed=seed
    )
    chosen = estimator or ek.TwoWayFixedEffects()

    def fit(data: ek.Panel) -> ek.Estimate:
        return chosen.fit(data, rng=np.random.default_rng(0))

    return CheckContext(spec(), panel, fit(panel), fit)


def run(made: CheckContext, **settings: object) -> Diagnostic:
    return RandomizationInference(**settings).run(made)[0]


def details(found: Diagnostic) -> dict[str, float]:
    return dict(found.details)


def test_one_treated_unit_is_ranked_among_all_places() -> None:
    made = few(seed=2)
    found = run(made, studentized=False)
    effects = [made.estimate.aggregation("overall").estimate[0]]
    treated = int(np.flatnonzero(~made.panel.never_treated)[0])
    start = int(made.panel.first_treated[treated])
    for other in set(range(20)) - {treated}:
        moved = np.full(20, NEVER)
        moved[other] = start
        effects.append(
            made.fit(dataclasses.replace(made.panel, first_treated=moved)).aggregation("overall").estimate[0]
        )
    rank = int((np.abs(effects) >= abs(effects[0]) * (1 - SAME)).sum())
    assert found.value == rank / 20
    assert (details(found)["exact"], details(found)["smallest_p"], details(found)["n_assignments"]) == (1.0, 0.05, 20.0)


def test_with_one_treated_unit_the_error_does_not_change_the_ranking() -> None:
    """Its own scores are zero, so the error falls as the effect grows: same order, same p-value."""
    made = few(seed=3)
    assert run(made).value == run(made, studentized=False).value


def test_the_fast_statistic_is_the_primary_one() -> None:
    made = few(treated=2, units=8)
    fast, slow = run(made), run(made, statistic="primary")
    assert fast.value == slow.value
    assert details(fast)["observed_statistic"] == pytest.approx(details(slow)["observed_statistic"], rel=SAME)


def test_any_estimator_is_fitted_again() -> None:
    made = few(treated=3, units=12, estimator=ek.CallawaySantAnna(), effect=5.0)
    found = run(made, draws=219)
    assert (found.status, details(found)["n_assignments"]) == ("pass", 220.0)  # 12! / (3! 9!)
    assert found.value == pytest.approx(1 / 220)


def test_a_bayesian_estimate_is_judged_by_the_two_way_coefficient() -> None:
    made = few(treated=2, units=12, estimator=ek.BayesianDid(engine="exact"), effect=5.0)
    found = run(made)
    assert "two-way coefficient" in found.reading
    assert found.value == pytest.approx(1 / 66)


def test_a_real_effect_passes_and_a_lucky_interval_fails() -> None:
    assert run(few(treated=3, effect=5.0)).status == "pass"
    found = next(
        result
        for result in (run(few(seed=seed)) for seed in range(40))
        if details(result)["interval_excludes_zero"] and result.value is not None and result.value > 0.05
    )
    assert found.status == "fail"
    assert "not by its interval" in found.reading


def test_random_draws_repeat_and_include_the_real_roll_out() -> None:
    made = few(treated=5, effect=5.0)
    first, second = run(made, draws=199), run(made, draws=199)
    assert first == second
    assert (first.value, details(first)["smallest_p"], details(first)["exact"]) == (1 / 200, 1 / 200, 0.0)
    assert run(few(treated=5), draws=199).value != run(few(treated=5), draws=198).value


def test_clusters_move_as_one() -> None:
    made = few(treated=4, units=20)
    order = np.argsort(made.panel.first_treated, kind="stable")
    cluster = np.empty(20, dtype=np.int64)
    cluster[order] = np.arange(20) // 4
    panel = dataclasses.replace(made.panel, cluster=cluster)
    found = run(CheckContext(made.spec, panel, made.fit(panel), made.fit))
    assert (details(found)["n_assignments"], details(found)["n_treated_clusters"]) == (5.0, 1.0)


def test_clusters_of_two_starts_are_refused_in_words() -> None:
    made = context()
    panel = dataclasses.replace(made.panel, cluster=np.arange(90, dtype=np.int64) % 10)
    found = run(dataclasses.replace(made, panel=panel))
    assert (found.status, found.value) == ("not_run", None)
    assert "different times" in found.reading


def test_roll_outs_that_cannot_be_estimated_count_against_the_finding() -> None:
    made = few(treated=1, estimator=ek.CallawaySantAnna(), effect=5.0)

    def moody(panel: ek.Panel, refused: int) -> ek.Estimate:
        if (panel.first_treated[:refused] != NEVER).any():
            raise EstimationFailed("No.")
        return made.fit(panel)

    real = int(np.flatnonzero(~made.panel.never_treated)[0])
    order = np.r_[np.setdiff1d(np.arange(20), real), real]
    panel = made.panel
    moved = dataclasses.replace(panel, outcome=panel.outcome[order], first_treated=panel.first_treated[order])
    some = run(dataclasses.replace(made, panel=moved, fit=functools.partial(moody, refused=3)))
    assert (some.value, details(some)["n_not_estimable"]) == (4 / 20, 3.0)
    most = run(dataclasses.replace(made, panel=moved, fit=functools.partial(moody, refused=15)))
    assert most.status == "not_run"


def test_a_triple_difference_gives_starts_to_places_alone() -> None:
    made = few(treated=4)
    eligible = np.repeat((np.arange(20) % 2 * 1.0)[:, None], 8, axis=1)
    panel = dataclasses.replace(made.panel, covariates={"policy": eligible})
    triple = dataclasses.replace(made.estimate, settings={**made.estimate.settings, "eligible": "policy"})
    by_unit = dataclasses.replace(made, panel=panel, estimate=triple)
    found = run(by_unit, draws=99)
    assert (found.status, found.value) == ("not_run", None)
    assert "which units share one" in found.reading
    places = dataclasses.replace(panel, cluster=np.arange(20, dtype=np.int64) // 2)
    assert run(dataclasses.replace(by_unit, panel=places), draws=99).value is not None
