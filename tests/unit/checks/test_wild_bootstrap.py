"""The wild bootstrap as a check: multipliers by number of clusters, readings, refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evalkit.checks.base import CheckContext
from evalkit.checks.wild_bootstrap import WildBootstrapCheck
from evalkit.vocabulary import NEVER, Diagnostic
from tests.simulated import context


def clustered(count: int, made: CheckContext | None = None) -> CheckContext:
    """The context with units in `count` clusters."""
    made = made or context(effect=1.0)
    panel = dataclasses.replace(made.panel, cluster=np.arange(90, dtype=np.int64) % count)
    return CheckContext(made.spec, panel, made.fit(panel), made.fit)


def run(made: CheckContext, **settings: object) -> Diagnostic:
    return WildBootstrapCheck(**settings).run(made)[0]


@pytest.mark.parametrize(
    ("count", "settings", "webb", "exact", "draws"),
    [
        (11, {}, 1.0, 0.0, 9_999),
        (12, {}, 0.0, 1.0, 2**11),
        (13, {"draws": 8_192}, 0.0, 1.0, 2**12),
        (13, {"draws": 8_191}, 0.0, 0.0, 8_191),
        (11, {"weights": "rademacher"}, 0.0, 1.0, 2**10),
        (90, {"weights": "webb", "draws": 999}, 1.0, 0.0, 999),
    ],
)
def test_multipliers_follow_the_number_of_clusters(
    count: int, settings: dict[str, object], webb: float, exact: float, draws: float
) -> None:
    found = dict(run(clustered(count), **settings).details)
    assert (found["webb"], found["exact"], found["n_draws"]) == (webb, exact, draws)


def test_an_effect_passes_with_an_interval_around_it() -> None:
    found = run(context(effect=1.0), draws=999)
    figures = dict(found.details)
    assert (found.status, found.value) == ("pass", 0.001)
    assert 0.0 < figures["low"] < figures["coefficient"] < figures["high"]
    assert "two-way coefficient" in found.reading


def test_the_same_seed_gives_the_same_draws() -> None:
    assert run(context(), draws=999) == run(context(), draws=999)


def test_one_treated_cluster_only_informs() -> None:
    made = context(effect=0.0)
    first, outcome = np.full(90, NEVER), made.panel.outcome.copy()
    first[0] = 4
    outcome[0, 4:] += 10.0
    panel = dataclasses.replace(made.panel, first_treated=first, outcome=outcome)
    found = run(CheckContext(made.spec, panel, made.fit(panel), made.fit), draws=999)
    assert dict(found.details)["interval_excludes_zero"] == 1.0
    assert found.status == "informational"
    assert "hardly ever rejects" in found.reading


def test_it_fails_an_estimate_whose_clustered_error_says_more_than_the_bootstrap() -> None:
    made = next(
        made
        for made in (clustered(5, context(effect=0.3, noise=2.0, seed=seed)) for seed in range(40))
        if dict(run(made, weights="rademacher").details)["clustered_p"] < 0.05
    )
    found = run(made, weights="rademacher")  # 16 sign pairs: no p-value below 0.0625
    assert found.status == "fail"
    assert "no result could have gone below 0.0625" in found.reading


def test_another_model_than_the_primary_one_cannot_be_contradicted() -> None:
    made = context(effect=0.0)
    confident = dataclasses.replace(made, estimate=context(effect=5.0).estimate)
    found = run(confident, draws=999)
    assert dict(found.details)["clustered_p"] > 0.05
    assert found.status == "informational"
    assert "does not exclude 0 either" in found.reading


def test_an_unbounded_interval_is_said_and_has_no_figure() -> None:
    found = run(clustered(3), weights="rademacher")
    assert "from minus infinity to infinity" in found.reading
    assert not {"low", "high"} & set(dict(found.details))
    assert dict(found.details)["smallest_p"] == 0.25


def test_two_clusters_are_refused_in_words() -> None:
    found = run(clustered(2))
    assert found.status == "not_run"
    assert "nothing to multiply" in found.reading


def test_a_panel_without_a_coefficient_is_refused_in_words() -> None:
    made = context()
    panel = dataclasses.replace(made.panel, first_treated=np.full(90, 4))
    assert run(dataclasses.replace(made, panel=panel)).status == "not_run"


def test_it_does_not_judge_a_triple_difference() -> None:
    made = context()
    triple = dataclasses.replace(made.estimate, settings={**made.estimate.settings, "eligible": "policy"})
    found = run(dataclasses.replace(made, estimate=triple), draws=999)
    assert (found.status, found.value) == ("not_run", None)
    assert "ineligible" in found.reading
