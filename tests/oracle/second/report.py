"""Compare at length and write the table of docs/second-implementation.md: ``python -m tests.oracle.second.report``.

Names (or beginnings of names) as arguments compare these alone; the other rows stay as they are.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.oracle.second.compare import Outcome, compare
from tests.oracle.second.tables import CASES

PAGE = Path(__file__).parents[3] / "docs" / "second-implementation.md"
BEGIN, END = "<!-- table: written by make oracle -->", "<!-- end of table -->"
HEAD = (
    "| compared | panels | both refuse | numbers | largest difference: estimates | errors | degrees of freedom | "
    "p-values | allowed |\n|---|---|---|---|---|---|---|---|---|"
)
KINDS = ("estimates", "errors", "degrees of freedom", "p-values")


def row(name: str, found: Outcome, tolerance: float) -> str:
    """One line of the table."""
    figures = [f"{found.largest[kind]:.0e}" if kind in found.largest else "" for kind in KINDS]
    cells = [name, str(found.compared), str(found.refused), f"{found.numbers:,}", *figures, f"{tolerance:.0e}"]
    return f"| {' | '.join(cells)} |"


def main(wanted: list[str]) -> int:
    """Compare, print every disagreement, write the page; 1 where something disagrees."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    table, _, after = rest.partition(END)
    known = {line.split("|")[1].strip(): line for line in table.splitlines() if line.startswith("| ")}
    wrong = 0
    for case in CASES:
        if wanted and not any(case.name.startswith(name) for name in wanted):
            continue
        found = compare(case, range(case.panels))
        known[case.name] = row(case.name, found, case.tolerance)
        wrong += len(found.wrong)
        sys.stdout.write("\n".join([known[case.name], *found.wrong]) + "\n")
        lines = [known[each.name] for each in CASES if each.name in known]
        PAGE.write_text(f"{before}{BEGIN}\n{HEAD}\n" + "\n".join(lines) + f"\n{END}{after}", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
