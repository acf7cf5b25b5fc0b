"""The restricted wild cluster bootstrap against the package wildboottest, on the castle panel."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import evalkit as ek
from evalkit.numerics.static_two_way import StaticTwoWay, fit_static_two_way
from evalkit.numerics.wild_bootstrap import every_sign, wild_bootstrap
from evalkit.uncertainty import multipliers

FIGURES = json.loads(Path(__file__).with_name("figures.json").read_text("utf-8"))
COEFFICIENT = 1e-8
"""Absolute: the reference inverts 60 dummies."""
DRAWN = 4.0 * np.sqrt(2.0 * 0.24 * 0.76 / FIGURES["draws"])
"""Four Monte Carlo errors of the difference of two p-values near 0.24."""


def sample(name: str) -> StaticTwoWay:
    from causaldata import castle

    frame = castle.load_pandas().data
    frame = frame.assign(on=(frame["post"] > 0).astype(int), y=np.log(frame["homicide"].astype(float)))
    if FIGURES[name]["states"] is not None:
        frame = frame[frame["sid"].isin(FIGURES[name]["states"])]
    panel = ek.Panel.from_frame(frame, unit="sid", period="year", outcome="y", treated="on")
    fit = fit_static_two_way(panel.outcome, panel.treated, panel.cluster_codes)
    assert fit is not None
    return fit


@pytest.mark.parametrize("name", ["ten states", "fifty states"])
def test_the_coefficient_is_the_same(name: str) -> None:
    assert sample(name).coefficient == pytest.approx(FIGURES[name]["coefficient"], abs=COEFFICIENT)


def test_all_signs_of_ten_clusters_give_the_p_value_of_the_package_and_its_two_ties() -> None:
    fit = sample("ten states")
    # the package counts draws strictly further out: the sample itself and its mirror image are left out there
    expected = FIGURES["ten states"]["p"] + 2.0 / 2**10
    assert wild_bootstrap(fit, every_sign(10), exact=True).p_value() == pytest.approx(expected, abs=1e-12)


def test_random_signs_of_fifty_clusters_give_its_p_value_up_to_chance() -> None:
    fit = sample("fifty states")
    draws = multipliers("rademacher", (FIGURES["draws"], 50), np.random.default_rng(4))
    assert wild_bootstrap(fit, [draws], exact=False).p_value() == pytest.approx(FIGURES["fifty states"]["p"], abs=DRAWN)
