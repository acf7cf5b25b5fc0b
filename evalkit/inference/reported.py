"""What a method of inference returns, and how it says that it does not apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evalkit.vocabulary import InferenceMethod


class NotComputable(Exception):
    """The method has no interval for this design; the text says why, as a clause."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval for the overall effect, and the p-value of "the effect is 0" that belongs to it.

    Attributes
    ----------
    low, high
        In the unit of the outcome as analysed.
    p_value
        Two-sided.
    smallest_p
        The least p-value that any data could have given; None where it has no bound.
    degrees_of_freedom
        Of a t reference; None without one.
    details
        Further figures by name.
    """

    low: float
    high: float
    p_value: float
    smallest_p: float | None = None
    degrees_of_freedom: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reported:
    """The interval and p-value that a study reports, and by which row of the rule table.

    Attributes
    ----------
    method
        ``clustered`` is the estimate's own interval, ``credible`` that of a posterior; ``none`` where no method
        applies: the numbers are then the estimate's own and must not be relied on.
    low, high, level
        In the unit of the outcome as analysed.
    p_value
        Two-sided, of "the effect is 0"; None for a posterior.
    smallest_p, degrees_of_freedom
        As of :class:`Interval`.
    n_treated_clusters, n_clusters
        Clusters with a unit that starts within the window; clusters in all, always-treated ones left out.
    clustered_low, clustered_high, clustered_p
        The estimate's own, for comparison.
    asked
        Whether the study asked for this method.
    passed_over
        Methods above it in the table, each with the reason why it was not taken.
    """

    method: InferenceMethod
    low: float
    high: float
    level: float
    p_value: float | None
    n_treated_clusters: int
    n_clusters: int
    clustered_low: float
    clustered_high: float
    clustered_p: float | None
    smallest_p: float | None = None
    degrees_of_freedom: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    asked: bool = False
    passed_over: tuple[tuple[str, str], ...] = ()

    @property
    def replaces_clustered(self) -> bool:
        """Whether the interval is another than the estimate's own."""
        return self.method not in ("clustered", "credible", "none")
