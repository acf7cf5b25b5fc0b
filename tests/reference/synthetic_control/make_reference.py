"""Write solvers.csv and peers.json: what independent solvers and pysyncon answer on Proposition 99.

    pip install osqp cvxopt quadprog scipy pandas pysyncon
    pip install --no-deps causalpy
    python tests/reference/synthetic_control/make_reference.py

Kept beside its output, so that a number in a test can be traced to the call that gave it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
START, TREATED = 1989, "California"
Array = np.ndarray[Any, np.dtype[Any]]


def sales() -> pd.DataFrame:
    """Years by states."""
    spec = importlib.util.find_spec("causalpy")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("Install causalpy: pip install --no-deps causalpy")
    path = Path(spec.submodule_search_locations[0]) / "data" / "california_prop99.csv"
    return pd.read_csv(path, index_col="Year")


def by_osqp(A: Array, b: Array) -> Array:
    osqp, sparse = importlib.import_module("osqp"), importlib.import_module("scipy.sparse")
    n = A.shape[1]
    solver = osqp.OSQP()
    rows = sparse.vstack([sparse.csc_matrix(np.ones((1, n))), sparse.identity(n)], format="csc")
    solver.setup(
        sparse.csc_matrix(np.triu(A.T @ A)), -A.T @ b, rows, np.r_[1.0, np.zeros(n)], np.r_[1.0, np.full(n, np.inf)],
        verbose=False, eps_abs=1e-12, eps_rel=1e-12, max_iter=2_000_000, polishing=True,
    )  # fmt: skip
    return np.asarray(solver.solve().x)


def by_cvxopt(A: Array, b: Array) -> Array:
    cvxopt = importlib.import_module("cvxopt")
    n = A.shape[1]
    cvxopt.solvers.options.update(show_progress=False, abstol=1e-14, reltol=1e-14, feastol=1e-14)
    m = cvxopt.matrix
    found = cvxopt.solvers.qp(m(A.T @ A), m(-A.T @ b), m(-np.eye(n)), m(np.zeros(n)), m(np.ones((1, n))), m(1.0))
    return np.asarray(found["x"]).ravel()


def by_quadprog(A: Array, b: Array) -> Array:
    quadprog, n = importlib.import_module("quadprog"), A.shape[1]
    C = np.column_stack([np.ones(n), np.eye(n)])
    ridge = 1e-9 * np.trace(A.T @ A) / n  # it asks for a positive definite matrix; 38 donors, 19 years
    return np.asarray(quadprog.solve_qp(A.T @ A + ridge * np.eye(n), A.T @ b, C, np.r_[1.0, np.zeros(n)], meq=1)[0])


def by_slsqp(A: Array, b: Array) -> Array:
    optimize, n = importlib.import_module("scipy.optimize"), A.shape[1]
    found = optimize.minimize(
        lambda w: float((A @ w - b) @ (A @ w - b)), np.full(n, 1.0 / n), jac=lambda w: 2.0 * A.T @ (A @ w - b),
        method="SLSQP", bounds=[(0.0, 1.0)] * n, options={"ftol": 1e-15, "maxiter": 5_000},
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(n)},
    )  # fmt: skip
    return np.asarray(found.x)


def feasible(w: Array) -> Array:
    """The nearest weights that keep to the simplex exactly, so that objectives may be compared."""
    w = np.clip(w, 0.0, None)
    return np.asarray(w / w.sum())


def peers(data: pd.DataFrame) -> dict[str, Any]:
    """pysyncon: augmented synthetic control, and the penalty that it chooses."""
    pysyncon = importlib.import_module("pysyncon")
    before, after = data.loc[: START - 1], data.loc[START:]
    donors = data.drop(columns=TREATED)
    found: dict[str, Any] = {"pysyncon": version("pysyncon")}
    long = data.reset_index().melt(id_vars="Year", var_name="state", value_name="sales")
    prep = pysyncon.Dataprep(
        foo=long, predictors=[], predictors_op="mean", dependent="sales", unit_variable="state", time_variable="Year",
        treatment_identifier=TREATED, controls_identifier=list(donors.columns),
        time_predictors_prior=list(before.index), time_optimize_ssr=list(before.index),
        special_predictors=[("sales", [year], "mean") for year in before.index],
    )  # fmt: skip
    for lambda_ in (None, 100.0, 1000.0):
        model = pysyncon.AugSynth()
        model.fit(dataprep=prep, use_covariates=False, **({} if lambda_ is None else {"lambda_": lambda_}))
        weights = np.asarray(model.W).ravel()
        gap = after[TREATED].to_numpy() - after[donors.columns].to_numpy() @ weights
        found[f"augsynth {'cv' if lambda_ is None else lambda_}"] = {
            "lambda": float(model.lambda_), "att": float(gap.mean()), "gap_2000": float(gap[-1]),
            "weights": dict(zip(donors.columns, weights.tolist(), strict=True)),
        }  # fmt: skip
    lags = (1975, 1980, 1988)
    nested = pysyncon.Dataprep(
        foo=long, predictors=[], predictors_op="mean", dependent="sales", unit_variable="state", time_variable="Year",
        treatment_identifier=TREATED, controls_identifier=list(donors.columns),
        time_predictors_prior=list(before.index), time_optimize_ssr=list(before.index),
        special_predictors=[("sales", [year], "mean") for year in lags],
    )  # fmt: skip
    for method in ("Nelder-Mead", "BFGS"):
        model = pysyncon.Synth()
        model.fit(dataprep=nested, optim_method=method, optim_initial="equal")
        w = np.asarray(model.W).ravel()
        error = before[TREATED].to_numpy() - before[donors.columns].to_numpy() @ w
        found[f"nested {method}"] = {"lags": lags, "rmspe": float(np.sqrt((error**2).mean())),
                                     "weights": dict(zip(donors.columns, w.tolist(), strict=True))}  # fmt: skip
    return found


def main() -> None:
    warnings.filterwarnings("ignore")
    data = sales()
    before = data.loc[: START - 1]
    A, b = before.drop(columns=TREATED).to_numpy(), before[TREATED].to_numpy()
    names = list(before.drop(columns=TREATED).columns)
    rows = []
    for package, solve in (("osqp", by_osqp), ("cvxopt", by_cvxopt), ("quadprog", by_quadprog), ("scipy", by_slsqp)):
        w = feasible(solve(A, b))
        errors = A @ w - b
        rows.append((package, version(package), float(errors @ errors), *w))
    columns = ["solver", "version", "objective", *names]
    pd.DataFrame(rows, columns=columns).to_csv(HERE / "solvers.csv", index=False, float_format="%.17g")
    (HERE / "peers.json").write_text(json.dumps(peers(data), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write("written\n")


if __name__ == "__main__":
    main()
