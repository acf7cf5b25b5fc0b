"""What a reader must know about a simulated design: where it departs from the wish, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from evalkit.data.panel import Panel
from evalkit.estimators.base import Estimator
from evalkit.language import Phrases, localized
from evalkit.numerics.demean import two_way_demean
from evalkit.power.history import limits_of
from evalkit.power.result import Power
from evalkit.power.rule import TESTS
from evalkit.power.schedule import Schedule
from evalkit.vocabulary import BoolArray, FloatArray, Remark

NOTABLE: Final = (0.8, 1.25)
"""Ratios of noise between starters and drawn places that go without a remark."""
SPARE: Final = 30
"""From this many places on, the noise itself is known well enough to go without a remark."""


_SAID: Final = {
    "window": (
        "The untreated history has {length} periods in a row and the roll-out {wished}: it was simulated with {before} "
        "periods before the first start and {after} from the last start on (wished: {wished_before} and "
        "{wished_after}). A longer window usually detects more."
    ),
    "window_moved": (
        "The untreated history has {length} periods in a row and the roll-out {wished}: it was simulated with {before} "
        "periods before the first start and {after} from the last start on (wished: {wished_before} and "
        "{wished_after}), and the cohorts were moved together. A longer window usually detects more."
    ),
    "fewer_places": "{total} places have an untreated history, so panels hold {total} places in all, not {wished}.",
    "with_replacement": (
        "{drawn} places were drawn, with replacement, from the {pool} with an untreated history: each drawn one keeps "
        "its own history whole, so correlation over time stays as it is."
    ),
    "few_places": (
        "How much the outcome moves by itself is seen in {places} places only: the detectable change may be off by "
        "about {share:.0f} % of itself for that reason alone."
    ),
    "noisier": (
        "Before the first start, outcomes of the places that started moved {ratio:.1f} times as much as those of the "
        "places drawn from: the change that can really be detected is likely larger than stated."
    ),
    "calmer": (
        "Before the first start, outcomes of the places that started moved {ratio:.1f} times as much as those of the "
        "places drawn from: the change that can really be detected is likely smaller than stated."
    ),
    "test": (
        "With {treated} of {total} places treated an estimate's own interval is not what a study reports, so what "
        "counts as detected is decided by another test: {decides}."
    ),
    "permutation": "the roll-out is given to other places ({ways} ways), and the estimates are compared",
    "placebo": "an effect has to be further from 0 than all but a share {level} of the placebo estimates",
    "refitted": (
        "An effect does not simply move this estimator's interval: effects were put into the data and estimated again."
    ),
    "refused": (
        "{failed} of {draws} placebo panels were refused by the estimator and count as not detecting anything."
    ),
}
SAID: Final = Phrases(_SAID)


def about(found: Power, wished: Schedule, panel: Panel, estimator: Estimator) -> tuple[Remark, ...]:
    """Everything there is to remark."""
    return (*_window(found, wished), *_places(found, wished), *_noise(found, panel, estimator), *_test(found))


def _window(found: Power, wished: Schedule) -> Iterator[Remark]:
    made = found.schedule
    if made.length < wished.length:
        yield Remark(
            "window_cut",
            SAID.say(
                "window" if made.offsets == wished.offsets else "window_moved", length=made.length,
                wished=wished.length, before=made.before, after=made.after, wished_before=wished.before,
                wished_after=wished.after,
            ),
        )  # fmt: skip


def _places(found: Power, wished: Schedule) -> Iterator[Remark]:
    if found.schedule.total < wished.total:
        yield Remark(
            "fewer_places",
            SAID.say("fewer_places", total=found.schedule.total, wished=wished.total),
        )
    drawn, pool = found.schedule.total, found.history.smallest_pool
    if drawn > pool:
        yield Remark(
            "drawn_with_replacement",
            SAID.say("with_replacement", drawn=drawn, pool=pool),
        )
    if found.history.n_places < SPARE:
        share = 100.0 / np.sqrt(2.0 * (found.history.n_places - 1))
        yield Remark(
            "noise_from_few_places",
            SAID.say("few_places", places=found.history.n_places, share=share),
        )


def _noise(found: Power, panel: Panel, estimator: Estimator) -> Iterator[Remark]:
    """Starters against the places drawn from, before anybody started; blind to all that came after."""
    if found.history.kind != "never_treated":
        return
    limits = limits_of(panel, int(getattr(estimator, "anticipation", 0)), before_start=True)
    early = panel.time < limits.min()
    starters = ~panel.never_treated & ~panel.always_treated
    drawn = np.isin(found.history.places.code, np.concatenate(found.history.pools))
    ratio = _noise_ratio(panel.outcome[:, early], starters, drawn & ~starters)
    if ratio is not None and not NOTABLE[0] <= ratio <= NOTABLE[1]:
        yield Remark(
            "starters_differ_in_noise",
            SAID.say("noisier" if ratio > 1.0 else "calmer", ratio=ratio),
        )


def _noise_ratio(outcome: FloatArray, starters: BoolArray, drawn: BoolArray) -> float | None:
    """Standard deviation around place and period means, starters over others; None where there is too little."""
    if outcome.shape[1] < 3 or min(starters.sum(), drawn.sum()) < 3:
        return None
    spread = []
    for arm in (starters, drawn):
        values = outcome[arm]
        weights = (~np.isnan(values)).astype(np.float64)
        rest = two_way_demean(np.nan_to_num(values), weights)
        spread.append(float(np.sqrt((weights * rest**2).sum() / max(weights.sum() - sum(values.shape) + 1, 1.0))))
    return spread[0] / spread[1] if spread[1] > 0.0 else None


def _test(found: Power) -> Iterator[Remark]:
    if found.test != "interval":
        yield Remark(
            f"{found.test}_test",
            SAID.say("test", treated=found.schedule.treated, total=found.schedule.total, decides=_decides(found)),
        )
    if not found.linear:
        yield Remark(
            "refitted",
            SAID["refitted"],
        )
    if found.n_failed:
        yield Remark(
            "panels_refused",
            SAID.say("refused", failed=found.n_failed, draws=found.draws),
        )


def _decides(found: Power) -> str:
    if found.test == "permutation":
        return SAID.say("permutation", ways=localized(f"{found.distinct:,}"))
    if found.test == "placebo":
        return SAID.say("placebo", level=localized(f"{found.level:g}"))
    return TESTS[found.test]
