"""docs/calibration.md, wholly from what was kept: ``python -m tests.calibrated.page`` writes it again."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.calibrated import results as kept
from tests.calibrated.cells import HEADS, cells, line, percent
from tests.calibrated.figure import alt, gap, picture
from tests.calibrated.fingerprint import TREE, Fingerprints
from tests.calibrated.measure import Kind, Row
from tests.calibrated.register import CALIBRATED, ESTIMATORS, marked

PAGE: Final = TREE / "docs" / "calibration.md"
WORDS: Final = Path(__file__).with_name("words.md")
OLDER: Final = "*before the latest change*"
FEW: Final = "Few treated places, and inference that a study asks for"
FAMILIES: Final[Mapping[str, Sequence[str]]] = {
    "Difference-in-differences": (
        "two_way_fixed_effects", "callaway_santanna", "sun_abraham", "imputation", "stacked_did", "extended_twfe",
        "poisson_fixed_effects", "triple_difference", "switching_did",
    ),
    FEW: (),
    "Bayesian models": ("bayesian_did", "bayesian_synthetic_control", "bayesian_time_series"),
    "Synthetic control, and factors": (
        "synthetic_control", "augmented_synthetic_control", "synthetic_did", "interactive_fixed_effects",
    ),
    "Interrupted series": ("interrupted_time_series", "placebo_dates"),
    "Power, indicators and scores": (),
}  # fmt: skip
OF_MANY: Final = ("clustered", "two_way", "conley", "")
"""Inference of difference-in-differences with many clusters; by any other the row is one of few treated places."""
KINDS: Final[Mapping[Kind, str]] = {
    "ranks": "Simulation-based calibration",
    "interval": "Intervals",
    "share": "Size, false findings and power",
    "figure": "Other figures",
}


@dataclass(frozen=True, slots=True)
class Known:
    """A row with where it comes from: a test, or a hand."""

    row: Row
    result: kept.Result | None = None
    by_hand: kept.ByHand | None = None

    @property
    def measured(self) -> str:
        """When and how, as the last cell of its row."""
        if self.by_hand is not None:
            is_of_test = f"{OLDER}, {self.by_hand.date}"
            return is_of_test if self.by_hand.test else f"by hand, {self.by_hand.date}: {self.by_hand.how}"
        assert self.result is not None
        when = f"{self.result.date}, {self.result.seconds:,.0f} s"
        said = [when, *(["**the test failed**"] if self.result.outcome != kept.PASSED else [])]
        return "; ".join([*said, *([OLDER] if self.result.older else [])])


def write_page(page: Path = PAGE) -> None:
    """Write the page and its figure from what is kept beside it."""
    rows = [each.row for each in every(kept.read(page).values(), kept.read_by_hand(page))]
    page.with_name("img").mkdir(exist_ok=True)
    page.with_name("img").joinpath("calibration.svg").write_bytes(picture(rows))
    page.write_text(made(page), encoding="utf-8")


def made(page: Path = PAGE) -> str:
    """Text of the page."""
    results = kept.read(page)
    known = every(results.values(), kept.read_by_hand(page))
    text = WORDS.read_text(encoding="utf-8").format(
        state=state(results.values()), alt=alt([each.row for each in known]), tables=tables(known),
        register=register(known), waiting=waiting(results.values()),
    )  # fmt: skip
    return text.rstrip() + "\n"


def every(results: Iterable[kept.Result], by_hand: Iterable[kept.ByHand]) -> list[Known]:
    """All rows, of tests first."""
    ran = list(results)
    found = [Known(row, result=result) for result in ran for row in result.rows]
    return [*found, *(Known(each.row, by_hand=each) for each in kept.missing(by_hand, ran))]


def state(results: Iterable[kept.Result]) -> str:
    """How far the tests have come, in one sentence."""
    ran = list(results)
    now = sum(each.outcome == kept.PASSED and not each.older for each in ran)
    older, failed = sum(each.older for each in ran), sum(each.outcome == "failed" for each in ran)
    waits = sum(each.outcome == kept.NOT_RUN for each in ran)
    said = f"Of {len(ran)} cases {now} have passed with the code as it was when this page was written"
    rest = {"were measured before its latest change": older, "failed": failed, "have not run yet": waits}
    return ", ".join([said, *(f"{count} {what}" for what, count in rest.items() if count)]) + "."


def tables(known: Sequence[Known]) -> str:
    """A heading a family, and under it a table a kind."""
    said: list[str] = []
    order = [name for names in FAMILIES.values() for name in names]
    for family in FAMILIES:
        rows = [each for each in known if family_of(each.row) == family]
        said += [f"## {family}", ""] if rows else []
        for kind, heading in KINDS.items():
            own = [each for each in rows if each.row.kind == kind]
            own.sort(key=lambda each: order.index(each.row.method) if each.row.method in order else len(order))
            said += [f"### {heading}", "", table(kind, own), ""] if own else []
    return "\n".join(said).rstrip()


def table(kind: Kind, known: Sequence[Known]) -> str:
    """Rows of a kind; columns that stay empty are left out."""
    head = [*HEADS[kind], "measured"]
    filled = [[*cells(each.row), each.measured] for each in known]
    used = [place for place in range(len(head)) if any(row[place] for row in filled)]
    body = [line([row[place] for place in used]) for row in filled]
    return "\n".join([line([head[place] for place in used]), "|" + "---|" * len(used), *body])


def family_of(row: Row) -> str:
    """Heading under which a row stands."""
    for family, methods in FAMILIES.items():
        if row.method in methods:
            is_did = family == next(iter(FAMILIES))
            return FEW if is_did and (row.rule not in OF_MANY or "treated, " in row.world) else family
    return list(FAMILIES)[-1]


def register(known: Sequence[Known]) -> str:
    """Estimators and rules with their tests, the number of their rows, and what these lie between."""
    tests = marked(TREE / "tests")
    said = []
    for what, names in (
        ("estimator", ESTIMATORS),
        ("rule of inference", [name for name in CALIBRATED if name not in ESTIMATORS]),
    ):
        said += [
            line([what, "tests", "rows", "intervals held, in points more or less than they say (worlds)"]),
            "|---|---|---|---|",
        ]
        for name in sorted(names):
            own = [each.row for each in known if name == each.row.method or name in each.row.rule.split(" or ")]
            said.append(line([f"`{name}`", _tests(tests.get(name, ())), str(len(own)), _between(own)]))
        said.append("")
    return "\n".join(said).rstrip()


def waiting(results: Iterable[kept.Result]) -> str:
    """Tests that have never run, with the number of their cases."""
    counts = Counter(each.test.partition("[")[0] for each in results if each.outcome == kept.NOT_RUN)
    if not counts:
        return ""
    said = "These have not run since results are kept; older rows of theirs, where there are any, stand above by hand."
    rows = [line([_called(test), str(count)]) for test, count in sorted(counts.items())]
    return "\n".join(["## Not measured with this code yet", "", said, "", line(["test", "cases"]), "|---|---|", *rows])


def _tests(tests: Iterable[str]) -> str:
    return "; ".join(_called(test) for test in sorted(tests))


def _called(test: str) -> str:
    file, _, name = test.removeprefix("tests/").partition("::")
    return f"{name.removeprefix('test_').replace('_', ' ')} (`{file}`)"


def _between(rows: Iterable[Row]) -> str:
    """Least and most that intervals held, in points above or below what they say; not where they have to fail."""
    gaps = sorted(gap(row) for row in rows if row.kind == "interval" and not row.has_to_fail)
    if not gaps:
        return ""
    ends = [f"{round(end, 1) + 0.0:+.1f}" for end in dict.fromkeys((gaps[0], gaps[-1]))]
    return f"{' to '.join(ends)} ({len(gaps)})"


def main() -> int:
    """Look at the code, mark what was measured with other code, write the page."""
    results, prints = kept.read(PAGE), Fingerprints()
    codes = {test: prints.of(each.file) for test, each in results.items() if (TREE / each.file).exists()}
    kept.write(PAGE, kept.looked_at(results, codes))
    write_page()
    outside = [each.row for each in every(kept.read(PAGE).values(), kept.read_by_hand(PAGE)) if not each.row.as_asked]
    for row in outside:
        sys.stdout.write(f"outside: {row.method}, {row.world}: {percent(row.figures['value'])}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
