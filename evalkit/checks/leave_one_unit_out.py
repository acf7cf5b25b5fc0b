"""Does the answer hang on one place?"""

from __future__ import annotations

import zlib
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.leave_one_cohort_out import Row, leave_one_out_exhibit
from evalkit.checks.refit import influence_on_overall, overall, refit, require_a_start
from evalkit.checks.wording import amount
from evalkit.data.keep import keep_units
from evalkit.data.panel import Panel
from evalkit.errors import EvalkitError
from evalkit.estimate import Estimate
from evalkit.language import mark, phrase, say, why
from evalkit.uncertainty import Posterior
from evalkit.vocabulary import Diagnostic, Domain, FloatArray, IntArray

REPLICATED = ("placebo_variance", "bootstrap")
"""Errors that refit the estimator for every draw."""
REPLICATES = 50
"""Draws behind them in each refit: an interval's width is then known to a tenth."""
DRAWN = 16
"""Rows of the figure: the effect with all, and the units that move it most."""


class LeaveOneUnitOut(PanelCheck):
    """Repeat the primary estimate without each unit in turn (without each cluster, where clusters are named).

    Comparison units are left out as well: with few of them one alone can make the counterfactual. With
    more than `most` to leave out, those that pull hardest by their influence function are taken, or a
    random `most` where there is none; the sentence says so.

    Parameters
    ----------
    most
        Refits at most.
    """

    name: ClassVar[str] = "leave_one_unit_out"
    null_in_words: ClassVar[str] = mark("No single place carries the answer: leaving one out keeps its sign.")
    domain: ClassVar[Domain] = "selection"

    most: Annotated[int, Field(ge=2)] = 200

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Refit without each unit."""
        if _is_sampled(context.estimate):
            return self.result("not_run", phrase("Sampling the model again for every unit would take hours."))
        panel = context.panel
        codes = np.unique(panel.cluster_codes)
        chosen = self._chosen(context, codes)
        rows: list[Row] = []
        skipped: list[str] = []
        for code in chosen:
            named = _named(context, int(code))
            try:
                reduced = _fitted(context, require_a_start(keep_units(panel, panel.cluster_codes != code)))
            except EvalkitError as error:
                skipped.append(f"'{named}' ({why(error).rstrip('.')})")
                continue
            rows.append(_row(context, named, reduced))
        if not rows:
            return self.result("not_run", say("No unit could be left out: {listed}.", listed="; ".join(skipped)))
        return self._told(context, rows, skipped, len(codes), len(chosen))

    def _chosen(self, context: CheckContext, codes: IntArray) -> IntArray:
        if len(codes) <= self.most:
            return codes
        pull = _pull(context.estimate, codes)
        if pull is not None:
            return np.sort(codes[np.argsort(-pull, kind="stable")[: self.most]])
        rng = np.random.default_rng([context.estimate.seed, zlib.crc32(f"check:{self.name}".encode())])
        return np.sort(rng.choice(codes, self.most, replace=False))

    def _told(
        self, context: CheckContext, rows: list[Row], skipped: list[str], n_units: int, n_tried: int
    ) -> tuple[Diagnostic, ...]:
        whole = _row(context, "", context.estimate)
        full, effects = whole[2], np.array([row[2] for row in rows])
        same = int((np.sign(effects) == np.sign(full)).sum())
        excluded = not whole[3] <= 0.0 <= whole[4]
        lost = sum(row[3] <= 0.0 <= row[4] for row in rows) if excluded else 0
        least, most = rows[int(effects.argmin())], rows[int(effects.argmax())]
        few = (
            say(" ({n_tried} of {n_units} were left out)", n_tried=n_tried, n_units=n_units)
            if n_tried < n_units
            else ""
        )
        trouble = say(" Not estimable without: {listed}.", listed="; ".join(skipped)) if skipped else ""
        holds = say(" The interval then includes 0 in {lost}.", lost=lost) if excluded else ""
        told = self.result(
            "pass" if same == len(rows) and lost == 0 else "warn",
            say(
                "Leaving out one at a time{few}, the overall effect runs from {amount} (without "
                "'{least}') to {amount_2} (without '{most}'), {amount_3} with all; it keeps its sign in "
                "{same} of {rows}.{holds}{trouble}",
                few=few,
                amount=amount(context, least[2]),
                least=least[0],
                amount_2=amount(context, most[2]),
                most=most[0],
                amount_3=amount(context, full),
                same=same,
                rows=len(rows),
                holds=holds,
                trouble=trouble,
            ),
            statistic="same_sign_share",
            value=same / len(rows),
            threshold=1.0,
            lowest=least[2],
            highest=most[2],
            largest_move=float(np.abs(effects - full).max()),
            finding_lost=float(lost),
            refits=float(len(rows)),
        )
        moving = sorted(rows, key=lambda row: -abs(row[2] - full))[: DRAWN - 1]
        return exhibiting(told, leave_one_out_exhibit([whole, *sorted(moving, key=lambda row: row[2])], "units"))


def _is_sampled(estimate: Estimate) -> bool:
    """Whether the posterior came from a Markov chain, seconds to minutes a fit."""
    return isinstance(estimate.uncertainty, Posterior) and estimate.uncertainty.sampler.engine != "exact"


def _fitted(context: CheckContext, panel: Panel) -> Estimate:
    """Without a unit. Errors that fit the whole anew for each draw rest on fewer draws: there are as many fits here."""
    own, asked = context.estimate.own, context.estimate.settings.get("n_draws", 0)
    if own is None or own.method not in REPLICATED or asked <= REPLICATES:
        return context.fit(panel)
    return refit(context, panel, {"n_draws": REPLICATES})


def _row(context: CheckContext, left_out: str, estimate: Estimate) -> Row:
    rows = overall(context, estimate)
    return left_out, estimate.n_treated_units, float(rows.estimate[0]), float(rows.low[0]), float(rows.high[0])


def _named(context: CheckContext, code: int) -> str:
    """The unit's label, or that of the cluster's first unit with the number of others."""
    members = np.flatnonzero(context.panel.cluster_codes == code)
    first = str(context.panel.units[members[0]])
    return first if len(members) == 1 else say("{first} and {members} more", first=first, members=len(members) - 1)


def _pull(estimate: Estimate, codes: IntArray) -> FloatArray | None:
    """(C,) absolute influence of each cluster on the overall effect; None where it is not known by cluster."""
    influence = influence_on_overall(estimate)
    return None if influence is None or len(influence) != len(codes) else np.abs(influence)
