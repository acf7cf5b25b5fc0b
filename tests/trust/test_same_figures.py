"""The same figures from another process, with another order of hashes, one thread or two, and other kernels of BLAS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.sweeping import TREE

FREQUENTIST = 1e-8
"""Relative to the largest figure: sums of products in another order."""
MONTE_CARLO = 4.0
"""Monte Carlo errors between the means of two sets of draws."""
SIZE = {"small": (48, 8), "large": (400, 24)}
"""Units and periods: `large` is past the size at which BLAS shares its work among threads."""
KERNELS = ("Haswell", "Nehalem")
"""Of OpenBLAS for two generations of processors: one adds products in a single rounding, the other in two."""
SHORT = ("two_way_fixed_effects", "callaway_santanna", "imputation", "synthetic_did", "bayesian_did")
PROGRAM = """
import json, sys
import numpy as np
import evalkit as ek
from evalkit.estimators import registry
from evalkit.testing.check import as_counts
from evalkit.testing.simulate import StaggeredDesign, simulate_staggered

units, periods, names = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
found = {}
for name in names or registry.names():
    needs = registry.get(name).needs
    design = StaggeredDesign(
        n_units=units, n_periods=max(periods, needs.pre_periods + 6 if needs.pre_periods > 2 else 0), growth=0.3,
        ineligible=0.5 if needs.eligibility else 0.0,
    )
    frame = simulate_staggered(design, 5).frame
    frame = as_counts(frame) if needs.counts else frame
    panel = ek.Panel.from_frame(
        frame, unit="unit", period="period", outcome="y", cohort="cohort",
        covariates=["eligible"] if needs.eligibility else [],
    )
    estimate = registry.get(name)().fit(panel, rng=np.random.default_rng(11))
    row = estimate.aggregation("overall")
    sizes = [] if estimate.draws is None else [estimate.uncertainty.sampler.ess_bulk_min]
    found[name] = {
        "figures": [value.hex() for value in (*estimate.cells.estimate, *row.estimate, *row.std_error)],
        "overall": row.estimate[0], "error": row.std_error[0], "ess": sizes,
    }
print(json.dumps(found))
"""


def figures(size: str, *names: str, threads: int = 1, hashes: int = 0, kernel: str = "") -> dict[str, Any]:
    """Estimate in a process of its own; estimator to its figures to the bit."""
    libraries = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {
        **os.environ, **dict.fromkeys(libraries, str(threads)), "PYTHONHASHSEED": str(hashes), "PYTHONPATH": str(TREE),
        **({"OPENBLAS_CORETYPE": kernel} if kernel else {}),
    }  # fmt: skip
    command = [sys.executable, "-c", PROGRAM, *map(str, SIZE[size]), *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Largest difference, relative to the largest figure."""
    a, b = (np.array([float.fromhex(value) for value in each["figures"]]) for each in (one, other))
    return float(np.nanmax(np.abs(a - b)) / np.nanmax(np.abs(a)))


def errors_apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Difference of two posterior means in their Monte Carlo errors."""
    error = one["error"] * np.sqrt(1.0 / one["ess"][0] + 1.0 / other["ess"][0])
    return float(abs(one["overall"] - other["overall"]) / error)


def compared(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    assert set(one) == set(other)
    for name in one:
        if one[name]["ess"] and apart(one[name], other[name]) > FREQUENTIST:
            assert errors_apart(one[name], other[name]) < MONTE_CARLO, name
        else:
            assert apart(one[name], other[name]) <= FREQUENTIST, name


@pytest.fixture(scope="module")
def first() -> dict[str, Any]:
    return figures("small", *SHORT)


@pytest.mark.promise("repeat-processes", "law-seed")
def test_another_process_with_another_order_of_hashes_gives_the_same_bits(first: dict[str, Any]) -> None:
    assert figures("small", *SHORT, hashes=4321) == first


@pytest.mark.promise("repeat-threads", "repeat-kernels")
def test_two_threads_on_an_older_processor_give_the_figures_of_one(first: dict[str, Any]) -> None:
    compared(first, figures("small", *SHORT, threads=2, kernel=KERNELS[-1]))


@pytest.mark.calibration
@pytest.mark.timeout(3600)
@pytest.mark.promise("repeat-processes", "repeat-threads", "law-seed")
def test_every_registered_estimator_gives_its_figures_again_whatever_the_process_and_its_threads() -> None:
    once = figures("small")
    assert figures("small", hashes=99) == once
    compared(once, figures("small", threads=2))


@pytest.mark.calibration
@pytest.mark.timeout(3600)
@pytest.mark.promise("repeat-kernels")
def test_every_registered_estimator_gives_its_figures_again_whatever_the_kernels_of_its_linear_algebra() -> None:
    newer, older = (figures("small", kernel=kernel) for kernel in KERNELS)
    compared(newer, older)


@pytest.mark.calibration
@pytest.mark.timeout(3600)
@pytest.mark.promise("repeat-threads")
def test_panels_large_enough_for_threads_to_share_the_work_give_the_same_figures() -> None:
    names = ("two_way_fixed_effects", "callaway_santanna", "imputation", "sun_abraham", "extended_twfe", "bayesian_did")
    compared(figures("large", *names), figures("large", *names, threads=2))


@pytest.mark.calibration
@pytest.mark.timeout(1800)
@pytest.mark.promise("repeat-figures", "repeat-threads")
def test_a_run_is_reproduced_by_typing_with_another_number_of_threads(tmp_path: Path) -> None:
    from tests.small_study import study, write_data, write_study

    write_data(write_study(tmp_path, study(robustness=["callaway_santanna"])))
    evalkit = [sys.executable, "-m", "evalkit.cli"]

    def said(*words: str, threads: int) -> dict[str, Any]:
        settings = {**os.environ, "PYTHONPATH": str(TREE), "OMP_NUM_THREADS": str(threads)}
        done = subprocess.run(
            [*evalkit, *words, "--json", "--quiet"], cwd=tmp_path, env=settings, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    run = said("run", "study=lights", threads=1)
    again = said("reproduce", run["run_id"], threads=2)
    assert again["result"] in {"identical", "within tolerance"}
    assert {number["state"] for number in again["numbers"]} <= {"identical", "within tolerance"}
