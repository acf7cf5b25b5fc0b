"""CPU seconds of synthetic difference-in-differences and matrix completion, errors included, beside Python peers.

    python benchmarks/synthetic/synthetic_did.py

Times whichever of evalkit, synthdid, diff-diff and causaltensor can be imported, on simulated panels of the same
numbers. As synthdid needs pandas below 2, peers are run in environments of their own, right after ours.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

REPEATS = 3
SLOW = 5.0
"""Seconds above which the first call is the only one."""
PLACEBOS = 50
SIZES = {"1 treated of 39, 31 periods": (38, 1, 19, 31), "20 treated of 220, 40 periods": (200, 20, 30, 40)}


def world(n: int, treated: int, start: int, periods: int) -> tuple[np.ndarray[Any, Any], pd.DataFrame]:
    """Outcomes (comparison units first) and the same as a long frame."""
    rng = np.random.default_rng(1)
    y = rng.standard_normal((n + treated, 1)) + rng.standard_normal((n + treated, 2)) @ rng.standard_normal(
        (2, periods)
    )
    y = y + 0.5 * rng.standard_normal(y.shape)
    unit, period = np.repeat(np.arange(n + treated), periods), np.tile(np.arange(periods), n + treated)
    frame = pd.DataFrame({"unit": unit, "time": period, "y": y.ravel()})
    frame["ever"] = (frame["unit"] >= n).astype(int)
    frame["d"] = ((frame["unit"] >= n) & (frame["time"] >= start)).astype(int)
    frame["first"] = np.where(frame["unit"] >= n, start, 0)
    return y, frame


def ours(name: str, frame: pd.DataFrame, **settings: object) -> Callable[[], float]:
    import evalkit as ek

    def run() -> float:
        panel = ek.Panel.from_frame(frame, unit="unit", period="time", outcome="y", cohort="first", never=0)
        estimate = getattr(ek, name)(**settings).fit(panel, rng=np.random.default_rng(0))
        return float(estimate.aggregate("overall")["estimate"].iloc[0])

    return run


def synthdid(frame: pd.DataFrame) -> Callable[[], float]:
    cls = importlib.import_module("synthdid.synthdid").Synthdid

    def run() -> float:
        fit = cls(frame.assign(unit=frame["unit"].astype(str)), "unit", "time", "d", "y").fit()
        return float(fit.vcov(method="placebo", n_reps=PLACEBOS).att)

    return run


def diff_diff(frame: pd.DataFrame, method: str) -> Callable[[], float]:
    cls = importlib.import_module("diff_diff").SyntheticDiD
    post = sorted(frame.loc[frame["d"] == 1, "time"].unique())

    def run() -> float:
        fit = cls(variance_method=method, n_bootstrap=PLACEBOS, seed=1).fit(
            frame, outcome="y", treatment="ever", unit="unit", time="time", post_periods=post
        )
        return float(fit.att)

    return run


def causaltensor(y: np.ndarray[Any, Any], frame: pd.DataFrame) -> Callable[[], float]:
    cls = importlib.import_module("causaltensor.cauest.MCNNM").MCNNMPanelSolver
    d = frame["d"].to_numpy().reshape(y.shape)
    return lambda: float(cls(Z=d).solve_with_cross_validation(O=y, K=5).tau)


def jobs(y: np.ndarray[Any, Any], frame: pd.DataFrame, few: bool) -> dict[str, Callable[[], float]]:
    """Name to job, for the packages at hand."""
    packages = ("evalkit", "synthdid", "diff_diff", "causaltensor")
    has = {name: importlib.util.find_spec(name) is not None for name in packages}
    found: dict[str, Callable[[], float]] = {}
    if has["evalkit"] and importlib.util.find_spec("pydantic"):
        found["evalkit synthetic_did, placebos"] = ours("SyntheticDid", frame, errors="placebo", n_draws=PLACEBOS)
        found["evalkit interactive_fixed_effects, cross-validated, with errors"] = ours(
            "InteractiveFixedEffects", frame, n_draws=PLACEBOS
        )
        found["evalkit matrix completion, cross-validated, with errors"] = ours(
            "InteractiveFixedEffects", frame, method="matrix_completion", n_draws=PLACEBOS
        )
        if not few:
            found["evalkit synthetic_did, jackknife"] = ours("SyntheticDid", frame, errors="jackknife")
    if has["synthdid"] and few and int(pd.__version__[0]) < 2:  # minutes a fit on the larger panel
        found["synthdid, placebos"] = synthdid(frame)
    if has["diff_diff"]:
        found["diff-diff, placebos"] = diff_diff(frame, "placebo")
        if not few:
            found["diff-diff, jackknife"] = diff_diff(frame, "jackknife")
    if has["causaltensor"]:
        found["causaltensor matrix completion, cross-validated, no errors"] = causaltensor(y, frame)
    return found


def main() -> int:
    warnings.filterwarnings("ignore")
    for size, shape in SIZES.items():
        y, frame = world(*shape)
        for name, job in jobs(y, frame, few=shape[1] == 1).items():
            start = time.process_time()
            value = job()
            seconds = time.process_time() - start
            if seconds < SLOW:  # the first call also imports
                start = time.process_time()
                value = [job() for _ in range(REPEATS)][-1]
                seconds = (time.process_time() - start) / REPEATS
            sys.stdout.write(f"{size} | {name} | {seconds:.3f} s | effect {value:.4f}\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
