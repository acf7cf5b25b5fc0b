"""The part of the evidence summary about the analysis plan."""

from __future__ import annotations

from typing import Literal

from evalkit.evidence.values import Block, Flag, Moment, Words


class Deviation(Block):
    """One difference between the run and its plan."""

    item: str
    planned: str
    actual: str
    reason: Words
    before_data_were_seen: Flag


class PlanBlock(Block):
    """Whether the analysis was planned before the outcomes were seen.

    Attributes
    ----------
    outcome_access_at
        First time that evalkit is known to have read outcomes after the start.
    deviations
        All differences between the locked plan and the run; one without a reason was not declared.
    analysis
        ``exploratory`` where a departure is undeclared, or outcomes were read before the lock; None without a plan.
    reading
        The same in one sentence.
    locked_by, lock_sha
        Who locked the plan, and its SHA-256.
    """

    status: Literal["none", "internal_lock", "public"]
    url: Words
    locked_at: Moment
    outcome_access_at: Moment
    deviations: tuple[Deviation, ...]
    analysis: Literal["confirmatory", "exploratory"] | None = None
    reading: str = ""
    locked_by: Words = Words(value=None, how="missing", reason="no analysis plan was locked")
    lock_sha: Words = Words(value=None, how="missing", reason="no analysis plan was locked")
