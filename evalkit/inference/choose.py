"""Go down the rule table: the first method that applies and can be computed is the one reported."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, Reason
from evalkit.estimate import Estimate
from evalkit.inference.collapse import collapse
from evalkit.inference.contrasts import Contrasts, contrasts_of
from evalkit.inference.few_treated import conley_taber, ferman_pinto
from evalkit.inference.jackknife import cr3
from evalkit.inference.randomization import Assignments, assignments_of, randomization
from evalkit.inference.refits import (
    Fit,
    Statistic,
    cluster_counts,
    compares_eligible,
    comparison_clusters,
    counted_as_treated,
    is_static_two_way,
    lead_of,
    statistic_of,
)
from evalkit.inference.reported import Interval, NotComputable, TooCostly
from evalkit.inference.rules import InferenceTable, Row
from evalkit.inference.wild_bootstrap import wild_interval
from evalkit.language import Phrases
from evalkit.uncertainty import OwnInterval, Posterior, Reported
from evalkit.vocabulary import InferenceMethod

FEWEST_DRAWS: Final = 199
"""Random roll-outs below which randomization inference is not worth its name."""
NULLS: Final = 3
"""Refits of each roll-out."""
UNCALIBRATED: Final = Reason("intervals around this estimator are known to hold less often than they say")
_TOO_FEW: Final = {
    "treated": "it needs {least} treated clusters and there are {count}",
    "comparison": "it needs {least} clusters to compare with and there are {count}",
    "total": "it needs {least} clusters and there are {count}",
}
TOO_FEW: Final = Phrases(_TOO_FEW)


def report(
    estimate: Estimate,
    panel: Panel,
    fit: Fit,
    table: InferenceTable,
    *,
    level: float,
    asked: str = "auto",
    cheap: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Reported:
    """Interval and p-value to report for an overall effect.

    Parameters
    ----------
    estimate, panel, fit
        The estimate, what it was made from, and how it is made again.
    table
        The rule table.
    level
        Of the interval.
    asked
        A method that the study asks for; ``auto`` for the table's choice.
    cheap
        Keep the estimate's own interval where another would cost more than `table.cheap_refit_cells`.
    tell
        Told before a method that refits.

    Raises
    ------
    DesignRefused
        When the study asks for a method that this design does not allow: the usual interval with few
        clusters, another than the credible one of a posterior, or one that cannot be computed.
    """
    desk = _Desk(estimate, panel, fit, table, level, cheap, tell or _silent)
    if asked != "auto":
        return desk.asked_for(asked)
    passed_over: list[tuple[str, str]] = []
    costly = False
    for row in table.rows:
        if row.only_if_asked:
            continue
        try:
            return desk.by(row, tuple(passed_over))
        except NotComputable as reason:
            passed_over.append((row.method, str(reason)))
            costly = costly or isinstance(reason, TooCostly)
    return desk.filled("clustered" if cheap and costly else "none", desk.own, tuple(passed_over))


@dataclass(frozen=True)
class _Desk:
    """Everything a row may need, found when first asked for."""

    estimate: Estimate
    panel: Panel
    fit: Fit
    table: InferenceTable
    level: float
    cheap: bool
    tell: Callable[[str], None]

    @property
    def alpha(self) -> float:
        return 1.0 - self.level

    @cached_property
    def counts(self) -> dict[str, int]:
        treated = cluster_counts(counted_as_treated(self.panel, self.estimate))[0]
        total = cluster_counts(self.panel)[1]
        later = self.estimate.settings.get("comparison") != "never_treated"
        others = comparison_clusters(self.panel, later_cohorts=later)
        return {"treated": treated, "comparison": others, "total": total}

    @cached_property
    def statistic(self) -> Statistic:
        return statistic_of(self.estimate, self.fit)

    @cached_property
    def own(self) -> Interval:
        """The estimate's own interval."""
        overall = self.estimate.aggregation("overall", level=self.level)
        return Interval(
            low=float(overall.low[0]),
            high=float(overall.high[0]),
            p_value=float(overall.p_values()[0]),
            degrees_of_freedom=overall.degrees_of_freedom,
        )

    @cached_property
    def contrasts(self) -> Contrasts:
        if compares_eligible(self.estimate):
            raise NotComputable(
                Reason("a cluster's eligible and ineligible units enter the estimate with opposite signs")
            )
        self._afford(self.panel.n_periods * (1 + len(self.panel.cohorts)), Reason("finding the weight of each cluster"))
        return contrasts_of(self.panel, self.statistic)

    def rng(self, method: str) -> np.random.Generator:
        return np.random.default_rng([self.estimate.seed, zlib.crc32(f"inference:{method}".encode())])

    def by(self, row: Row, passed_over: tuple[tuple[str, str], ...] = (), *, asked: bool = False) -> Reported:
        """The report of one row.

        Raises
        ------
        NotComputable
            When the row does not apply, or cannot be computed.
        """
        if self.estimate.uncalibrated:
            raise NotComputable(UNCALIBRATED)
        posterior = isinstance(self.estimate.uncertainty, Posterior)
        if posterior != (row.method == "credible"):
            raise NotComputable(
                Reason("the estimate is a posterior and keeps its credible interval")
                if posterior
                else Reason("the estimate is not a posterior")
            )
        if row.method == "of_design":
            own = self._of_design()
            return self.filled(own.method, _as_interval(own), passed_over, asked=asked)
        for name, count in self.counts.items():
            least = int(getattr(row, name))
            if not posterior and count < least:
                raise NotComputable(TOO_FEW.reason(name, least=least, count=count))
        if row.method in ("credible", "clustered"):
            return self.filled(row.method, self.own, passed_over, asked=asked)
        return self.filled(row.method, self._computed(row), passed_over, asked=asked)

    def asked_for(self, method: str) -> Reported:
        """The report of the method that a study asks for."""
        row = self.table.row(method)
        try:
            if row is None:
                raise NotComputable(Reason("the rule table of the evidence standard does not have it"))
            return self.by(row, asked=True)
        except NotComputable as refusal:
            raise DesignRefused(
                Reason(
                    "The study asks for the inference '{method}', which this design does not allow: {reason}.",
                    method=method,
                    reason=refusal.reason,
                ),
                allowed="auto, or another row of the rule table whose conditions this design meets",
                next_step="Set design.inference to auto, and the rule table decides.",
            ) from None

    def filled(
        self, method: InferenceMethod, found: Interval, passed_over: tuple[tuple[str, str], ...], *, asked: bool = False
    ) -> Reported:
        """The report, beside the estimate's own interval."""
        own, posterior = self.own, isinstance(self.estimate.uncertainty, Posterior)
        return Reported(
            method=method,
            low=found.low,
            high=found.high,
            level=self.level,
            p_value=None if posterior or not np.isfinite(found.p_value) else found.p_value,
            n_treated_clusters=self.counts["treated"],
            n_clusters=self.counts["total"],
            clustered_low=own.low,
            clustered_high=own.high,
            clustered_p=None if posterior or not np.isfinite(own.p_value) else own.p_value,
            smallest_p=found.smallest_p,
            degrees_of_freedom=found.degrees_of_freedom,
            details=found.details,
            asked=asked,
            passed_over=passed_over,
            uncalibrated=self.estimate.uncalibrated,
        )

    def _of_design(self) -> OwnInterval:
        """The interval that the estimator's own design calls for."""
        own = self.estimate.own
        if own is None:
            raise NotComputable(Reason("the estimator has no inference of its own besides clustered errors"))
        if not np.isclose(own.level, self.level):
            raise NotComputable(
                Reason(
                    "the estimator made its interval at {own:g}, and the study reports {level:g}",
                    own=own.level,
                    level=self.level,
                )
            )
        return own

    def _computed(self, row: Row) -> Interval:
        if row.method == "randomization":
            self.tell("Comparing with the same starts in other places")
            plain = self.panel.is_balanced and self.panel.weight is None and lead_of(self.estimate) == 0
            return randomization(
                self.panel,
                self.statistic,
                self._assignments(row),
                alpha=self.alpha,
                at_once=plain and is_static_two_way(self.estimate),
            )
        if row.method == "wild_bootstrap":
            return self._wild(row)
        if row.method == "cr3":
            self._afford(self.counts["total"], Reason("leaving out one cluster at a time"))
            self.tell("Leaving out one cluster at a time")
            return cr3(self.panel, self.statistic, alpha=self.alpha)
        self.tell("Finding the weight of each cluster")
        if row.method == "collapse":
            return collapse(self.contrasts, alpha=self.alpha)
        method = conley_taber if row.method == "conley_taber" else ferman_pinto
        return method(self.contrasts, alpha=self.alpha, rng=self.rng(row.method))

    def _wild(self, row: Row) -> Interval:
        if not is_static_two_way(self.estimate):
            raise NotComputable(Reason("it exists for the static two-way coefficient without covariates only"))
        self.tell("Bootstrapping the t statistic")
        lead = lead_of(self.estimate)
        return wild_interval(
            self.panel, lead=lead, n_draws=row.draws, law="auto", seed=self.estimate.seed, alpha=self.alpha
        )

    def _assignments(self, row: Row) -> Assignments:
        """All roll-outs or `draws` random ones; fewer random ones where the panel is large."""
        wanted = assignments_of(self.panel, row.draws, self.estimate.seed)
        affordable = int(self._budget / (NULLS * self.panel.outcome.size)) - 1
        if wanted.count <= affordable:
            return wanted
        if wanted.exact or affordable < FEWEST_DRAWS:
            raise TooCostly(Reason("{refits} refits of a panel of this size are too many", refits=NULLS * wanted.count))
        return Assignments(wanted.plan, False, affordable, wanted.seed)

    def _afford(self, refits: int, what: Reason) -> None:
        if refits * self.panel.outcome.size > self._budget:
            raise TooCostly(
                Reason("{what} takes {refits} refits, too many for a panel of this size", what=what, refits=refits)
            )

    @property
    def _budget(self) -> float:
        return self.table.cheap_refit_cells if self.cheap else self.table.refit_cells


def _as_interval(own: OwnInterval) -> Interval:
    return Interval(own.low, own.high, own.p_value, own.smallest_p, own.degrees_of_freedom, own.details)


def _silent(text: str) -> None:
    """Report to nobody."""
