"""How long the command line takes to answer: the best of several starts, beside a bare interpreter in the same run.

    python benchmarks/start/start.py

The promise is 0.3 s for help and 0.6 s for lists and tab completion, on a machine that does nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

STARTS = 7
ASKED = {
    "python -c pass": (["-c", "pass"], {}, None),
    "evalkit --help": (["-m", "evalkit.cli", "--help"], {}, 0.3),
    "evalkit list studies": (["-m", "evalkit.cli", "list", "studies"], {}, 0.6),
    "evalkit list estimators": (["-m", "evalkit.cli", "list", "estimators"], {}, 0.6),
    "evalkit list checks": (["-m", "evalkit.cli", "list", "checks"], {}, 0.6),
    "evalkit run study=cas<Tab>": (
        ["-m", "evalkit.cli"], {"COMP_LINE": "evalkit run study=cas", "COMP_POINT": "21"}, 0.6,
    ),
    "evalkit run study.design.<Tab>": (
        ["-m", "evalkit.cli"], {"COMP_LINE": "evalkit run study.design.", "COMP_POINT": "25"}, 0.6,
    ),
}  # fmt: skip


def seconds(arguments: list[str], more: dict[str, str]) -> float:
    """The best of several starts."""
    environment = {**os.environ, **more, **({"_EVALKIT_COMPLETE": "bash_complete"} if more else {})}
    best = float("inf")
    for _ in range(STARTS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, check=True)
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    bare = None
    print(f"{'command':34} {'seconds':>8} {'times bare Python':>18} {'promise':>8}")
    for name, (arguments, more, promise) in ASKED.items():
        took = seconds(arguments, more)
        bare = bare or took
        print(f"{name:34} {took:8.2f} {took / bare:18.1f} {'' if promise is None else f'{promise:.1f}':>8}")


if __name__ == "__main__":
    main()
