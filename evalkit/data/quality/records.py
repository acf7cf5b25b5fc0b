"""Accounts of the records: files, dates and values that cannot be used, copies, places without a unit."""

from __future__ import annotations

from typing import Final

from evalkit.data.events.intake import Intake
from evalkit.data.quality.phrases import SAID
from evalkit.data.quality.view import View, found, not_run, two
from evalkit.errors import quote_names
from evalkit.vocabulary import CheckStatus, Diagnostic

FEW: Final = 0.001
SOME: Final = 0.01
MANY: Final = 0.05
RANGE: Final = 0.05
"""Difference between periods in the share of records without a unit, from which on it is a matter of time."""
FEWEST: Final = 100
"""Records of a period below which its share says little."""


def graded(share: float, *, few: float = FEW, some: float = SOME, many: float = MANY) -> CheckStatus:
    """Status of a share of records that cannot be used."""
    return "pass" if share <= few else "informational" if share <= some else "warn" if share <= many else "fail"


def files(intake: Intake) -> Diagnostic:
    """Whether the files are whole, as far as they say."""
    if intake.cut_off:
        return found("files", "warn", SAID.say("cut_off", file=intake.cut_off[0]))
    if intake.pages_without_checksum:
        return found("files", "informational", SAID["no_checksum"])
    return found("files", "pass", SAID["verified" if _is_parquet(intake) else "whole"])


def _is_parquet(intake: Intake) -> bool:
    source = intake.source
    return source.path is not None and (source.format == "parquet" or source.path.endswith((".parquet", ".pq")))


def dates(intake: Intake) -> Diagnostic:
    """Records without a usable date, and values that cannot be read."""
    bad = intake.undated + intake.unreadable + intake.future
    wrong = ("bad", "unreadable", "negative", "late")
    values = sum(counts.get(name, 0) for counts in intake.accounts.values() for name in wrong)
    share = max(bad, values) / max(intake.judged, 1)
    said = SAID.say("usable", judged=intake.judged, bad=bad, outside=intake.outside, values=values)
    return found(
        "dates", graded(share), said, statistic="unusable_share", value=share, threshold=SOME,
        details={"share_outside": intake.outside / max(intake.judged, 1)},
    )  # fmt: skip


def duplicates(intake: Intake) -> Diagnostic:
    """Further copies of a record."""
    if intake.copies is None:
        return not_run("duplicates", "no_identifier")
    share = intake.copies / max(intake.rows, 1)
    status: CheckStatus = "pass" if share == 0 else "informational" if share <= MANY else "warn"
    said = SAID.say("copies", copies=intake.copies, rows=intake.rows)
    return found("duplicates", status, said, statistic="copies_share", value=share, threshold=MANY)


def unmatched(view: View, intake: Intake) -> Diagnostic:
    """Records that cannot be placed, and whether their share moves over time."""
    share = intake.unmatched / max(intake.judged, 1)
    if intake.unmatched == 0:
        return found("unmatched", "pass", SAID["all_placed"], statistic="unmatched_share", value=0.0, threshold=SOME)
    placed = intake.cells.groupby("bin")["records"].sum()
    lost = intake.unmatched_by_bin.groupby("bin")["records"].sum().reindex(placed.index).fillna(0.0)
    total = placed + lost
    shares = (lost / total)[total >= FEWEST]
    low, high = (float(shares.min()), float(shares.max())) if len(shares) else (share, share)
    status = graded(share)
    if high - low > RANGE and status != "fail":
        status = "warn"
    keys = quote_names([key for key, _ in intake.unmatched_keys], limit=3)
    said = SAID.say("not_placed", share=100 * share, keys=keys, low=100 * low, high=100 * high)
    return found(
        "unmatched", status, two(said, ""), statistic="unmatched_share", value=share, threshold=MANY,
        details={"lowest_by_period": low, "highest_by_period": high},
    )  # fmt: skip
