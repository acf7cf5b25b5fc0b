"""One cell of repeated cross-sections: what cannot be told apart is refused, never filled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.numerics.cross_section_att import PLACES, Contrast, Place, Refused, Sample, fit_contrast, sums_of

Array = Any


def samples(n: int = 60, seed: int = 0, p: int = 2) -> dict[Place, Sample]:
    rng = np.random.default_rng(seed)
    made = {}
    for place in PLACES:
        X = np.hstack([np.ones((n, 1)), rng.standard_normal((n, p - 1)) + 0.3 * place[0]])
        made[place] = Sample(X, rng.uniform(0.5, 2.0, n), X.sum(axis=1) + sum(place) + rng.standard_normal(n))
    return made


def fit(made: dict[Place, Sample], method: Any = "dr", form: Any = "locally_efficient") -> Contrast | Refused:
    return fit_contrast(made, {place: sums_of(sample) for place, sample in made.items()}, method, form)


@pytest.mark.parametrize("form", ["locally_efficient", "traditional"])
@pytest.mark.parametrize("method", ["dr", "ipw", "reg"])
def test_influence_functions_sum_to_zero(method: str, form: str) -> None:
    made = samples()
    found = fit(made, method, form)
    assert isinstance(found, Contrast)
    psi = [found.influence(sample, place) for place, sample in made.items()]
    assert abs(np.concatenate(psi).sum()) < 1e-12


def test_without_covariates_every_method_is_a_difference_of_four_means() -> None:
    made = samples(p=1)
    mean = {place: float(np.average(sample.outcome, weights=sample.weight)) for place, sample in made.items()}
    by_hand = mean[True, True] - mean[True, False] - mean[False, True] + mean[False, False]
    for method in ("dr", "ipw", "reg"):
        found = fit(made, method)
        assert isinstance(found, Contrast)
        assert found.effect == pytest.approx(by_hand)
        assert found.gamma is None


@pytest.mark.parametrize("place", PLACES)
def test_a_covariate_that_is_constant_in_one_sample_is_refused_there(place: Place) -> None:
    made = samples()
    made[place].X[:, 1] = 2.0
    found = fit(made)
    assert isinstance(found, Refused)
    assert (found.reason, found.place, found.dropped.tolist()) == ("collinear", place, [False, True])


def test_the_traditional_form_does_not_regress_the_treated() -> None:
    made = samples()
    made[True, True].X[:, 1] = 0.5
    assert isinstance(fit(made, "dr", "traditional"), Contrast)
    assert isinstance(fit(made, "ipw"), Contrast)


def test_as_many_rows_as_regressors_are_refused() -> None:
    made = samples()
    few = made[False, False]
    made[False, False] = Sample(few.X[:2], few.weight[:2], few.outcome[:2])
    found = fit(made)
    assert isinstance(found, Refused)
    assert (found.reason, found.place) == ("too_few", (False, False))


def test_arms_that_a_covariate_tells_apart_do_not_overlap() -> None:
    made = samples()
    for later in (True, False):
        made[True, later].X[:, 1] += 50.0
    found = fit(made, "ipw")
    assert isinstance(found, Refused)
    assert found.reason == "no_overlap"


def test_a_covariate_that_never_varies_is_refused_by_the_score() -> None:
    made = samples()
    for sample in made.values():
        sample.X[:, 1] = 1.0
    found = fit(made, "ipw")
    assert isinstance(found, Refused)
    assert (found.reason, found.place) == ("collinear", None)
