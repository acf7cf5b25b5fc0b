"""Means, counts and spread within cells hold all that a Gaussian likelihood of persons needs."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.did_sample import prepare
from evalkit.numerics.exact_did import Priors
from evalkit.numerics.person_cells import person_cells
from evalkit.numerics.site_did import Noise, SiteModel
from evalkit.vocabulary import NEVER, FloatArray

FLAT = 1e3  # prior sd that stands for a flat prior in the dense algebra
STEP = 1e-5
START = np.array([2, 3, NEVER, NEVER])


def test_persons_with_a_missing_value_are_left_out() -> None:
    values = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 4.0]])
    cells = person_cells(values, np.zeros(3, int), np.zeros(3, int), np.full(3, 9), 1, 1)
    assert cells.count.tolist() == [[2.0]]
    np.testing.assert_allclose(cells.mean[0, 0], [3.0, 3.0])
    np.testing.assert_allclose(cells.within, [[8.0, 4.0], [4.0, 2.0]])


def test_the_likelihood_of_cells_is_that_of_the_persons() -> None:
    """Up to a constant, with the flat prior on log omega that the cells' spread carries."""
    rng = np.random.default_rng(0)
    group, position = (part.ravel() for part in np.meshgrid(np.arange(4), np.arange(5), indexing="ij"))
    group, position = np.repeat(group, 3)[:-2], np.repeat(position, 3)[:-2]
    x = rng.standard_normal(len(group)) + group
    y = rng.standard_normal(len(group)) + 0.7 * x + (START[group] <= position)
    found = person_cells(np.stack([y, x], axis=1), group, position, START[group], 4, 5)
    sample = prepare(found.mean[:, :, 0], found.mean[:, :, 1:], np.arange(5), found.first_treated, 0)
    by = np.array([1.0, 1.0 / sample.spread[0]])
    noise = Noise(1.0 / found.count, found.within * by[:, None] * by[None, :], found.degrees)
    cells = sample.layout.effects
    structure = Priors(overall=2.0).structure(cells)
    model = SiteModel(
        sample,
        cells,
        None,
        structure,
        scale=1.0,
        site_scale=None,
        autoregressive=True,
        covariate_scale=3.0,
        noise=noise,
    )

    def dense(point: FloatArray) -> float:
        value = model.components(point)
        same = group[:, None] == group[None, :]
        lag = np.abs(position[:, None] - position[None, :])
        variance = value["omega"] ** 2 * np.eye(len(y)) + np.where(same, value["sigma"] ** 2 * value["rho"] ** lag, 0.0)
        code = sample.layout.codes(cells)[group, position]
        indicator = (code[:, None] == np.arange(len(cells))[None, :]).astype(np.float64)
        scales = structure.fixed_scale.copy()
        for i, name in enumerate(structure.group_names):
            scales[structure.group == i] = value[f"ratio_{name}"]
        prior = (structure.basis * scales**2) @ structure.basis.T
        if "ratio_cell" in value:
            prior += value["ratio_cell"] ** 2 * np.eye(len(cells))
        flat = np.hstack([np.eye(4)[group], np.eye(5)[position]])
        column = 3.0 / sample.spread[0] * x
        whole = variance + np.outer(column, column) + indicator @ prior @ indicator.T + FLAT**2 * flat @ flat.T
        return float(-0.5 * np.linalg.slogdet(whole)[1] - 0.5 * y @ np.linalg.solve(whole, y))

    def log_omega(point: FloatArray) -> float:
        return float(np.log(model.components(point)["omega"]))

    points = 0.7 * rng.standard_normal((3, model.dim))
    own, expected = [], []
    for point in points:
        up, down = point.copy(), point.copy()
        up[-1] += STEP
        down[-1] -= STEP
        own.append(float(model.log_marginal(point[None])[0]) - 0.5 * point[-1] ** 2)
        expected.append(dense(point) + np.log(abs(log_omega(up) - log_omega(down)) / (2.0 * STEP)))
    assert np.diff(own) == pytest.approx(np.diff(expected), abs=1e-3)  # FLAT is not quite flat
