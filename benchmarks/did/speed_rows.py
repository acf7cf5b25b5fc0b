"""Which contenders stand side by side in speed.py: one row a question, each contender a function of a long frame.

Rows take their contenders from the scripts of this folder where those have them; those that no script has are below.
A row whose script is not there is left out. Every contender reads the frame itself and returns an effect and its error.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from callaway_santanna import DRAWS, KINDS, Answer, make_frame
from speed_report import OURS

HERE = Path(__file__).parent
Run = Callable[[pd.DataFrame], Answer]
Reference = str | Callable[[], Run]
"""A contender made here, or ``script: name`` of one in a script's CONTENDERS."""
PERIODS = 10


@dataclass(frozen=True)
class Row:
    """One question put to several packages.

    Attributes
    ----------
    estimator
        Registered name of ours.
    contenders
        Package (``evalkit`` first) to contender.
    frame
        One of `FRAMES`.
    largest
        Package to the largest number of units it is asked for, where more is known to fail.
    """

    estimator: str
    contenders: dict[str, Reference]
    frame: str = "staggered"
    largest: dict[str, int] = field(default_factory=dict)


def ours(name: str, covariates: tuple[str, ...] = (), kinds: tuple[str, ...] = KINDS[:2], **settings: Any) -> Run:
    """Our run, `Panel.from_frame` and the aggregations included."""
    import evalkit as ek

    def run(frame: pd.DataFrame) -> Answer:
        panel = ek.Panel.from_frame(
            frame, unit="unit", period="period", outcome="y", cohort="cohort", covariates=list(covariates)
        )
        chosen = {**settings, "covariates": covariates} if covariates else settings
        estimate = getattr(ek, name)(**chosen).fit(panel, rng=np.random.default_rng(1))
        row = [estimate.aggregate(kind) for kind in kinds][0].iloc[0]  # noqa: RUF015 - all are timed
        return float(row["estimate"]), float(row["std_error"])

    return run


def with_treatment(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the 0/1 column that regressions need."""
    return frame.assign(treated=((frame["cohort"] > 0) & (frame["period"] >= frame["cohort"])).astype(float))


def feols() -> Run:
    """pyfixest's static coefficient, clustered by unit; its own small-sample count of effects is switched off."""
    import pyfixest

    def run(frame: pd.DataFrame) -> Answer:
        fit = pyfixest.feols(
            "y ~ treated | unit + period", with_treatment(frame), vcov={"CRV1": "unit"},
            ssc=pyfixest.ssc(k_fixef="none"), copy_data=False, store_data=False,
        )  # fmt: skip
        return float(fit.coef()["treated"]), float(fit.se()["treated"])

    return run


def panel_ols() -> Run:
    """linearmodels' static coefficient, clustered by unit."""
    from linearmodels.panel import PanelOLS

    def run(frame: pd.DataFrame) -> Answer:
        indexed = with_treatment(frame).set_index(["unit", "period"])
        model = PanelOLS(indexed["y"], indexed[["treated"]], entity_effects=True, time_effects=True)
        fit = model.fit(cov_type="clustered", cluster_entity=True)
        return float(fit.params["treated"]), float(fit.std_errors["treated"])

    return run


def event_study(name: str, **settings: Any) -> Callable[[], Run]:
    """One of diff-diff's staggered estimators with its overall effect and event study."""

    def make() -> Run:
        import diff_diff

        def run(frame: pd.DataFrame) -> Answer:
            found = getattr(diff_diff, name)(**settings).fit(
                frame, outcome="y", unit="unit", time="period", first_treat="cohort"
            )
            return float(found.overall_att), float(found.overall_se)

        return run

    return make


def csdid(draws: int) -> Callable[[], Run]:
    """csdid: doubly robust, 2 covariates, its four aggregations."""

    def make() -> Run:
        from csdid.att_gt import ATTgt

        def run(frame: pd.DataFrame) -> Answer:
            model = ATTgt(
                yname="y", tname="period", idname="unit", gname="cohort", data=frame.copy(), biters=max(draws, 1),
                control_group=["nevertreated"], xformla="y ~ x1 + x2", cband=draws > 0,
            ).fit(est_method="dr", base_period="varying", bstrap=draws > 0)  # fmt: skip
            for kind in ("dynamic", "group", "calendar", "simple"):
                model.aggte(typec=kind)
            return float(model.atte["overall_att"]), float(np.ravel(model.atte["overall_se"])[0])

        return run

    return make


def differences(draws: int) -> Callable[[], Run]:
    """differences: doubly robust, 2 covariates, its four aggregations; never-treated as missing."""

    def make() -> Run:
        from differences import ATTgt

        def run(frame: pd.DataFrame) -> Answer:
            used = frame.assign(cohort=frame["cohort"].replace(0, np.nan)).set_index(["unit", "period"])
            model = ATTgt(data=used, cohort_column="cohort")
            settings: dict[str, Any] = {"boot_iterations": draws, "random_state": 1}
            model.fit("y ~ x1 + x2", est_method="dr", progress_bar=False, **settings)
            for kind in ("cohort", "event", "time"):
                model.aggregate(kind, **settings)
            row = np.ravel(model.aggregate("simple", **settings).to_numpy())
            return float(row[0]), float(row[1])

        return run

    return make


def moderndid(draws: int) -> Callable[[], Run]:
    """moderndid: doubly robust, 2 covariates, its four aggregations."""

    def make() -> Run:
        import moderndid as peer

        def run(frame: pd.DataFrame) -> Answer:
            settings: dict[str, Any] = {"boot": draws > 0, "biters": max(draws, 1), "random_state": 1}
            found = peer.att_gt(
                data=frame, yname="y", tname="period", idname="unit", gname="cohort", xformla="~ x1 + x2",
                est_method="dr", control_group="nevertreated", base_period="varying", cband=draws > 0, **settings,
            )  # fmt: skip
            tables = [peer.aggte(found, type=kind) for kind in ("dynamic", "group", "calendar", "simple")]
            return float(tables[-1].overall_att), float(tables[-1].overall_se)

        return run

    return make


ROWS: dict[str, Row] = {
    f"Callaway-Sant'Anna, 2 covariates, {DRAWS} draws": Row(
        "callaway_santanna",
        {
            OURS: "callaway_santanna: evalkit",
            "diff-diff": "callaway_santanna: diff-diff",
            "csdid": csdid(DRAWS),
            "differences": differences(DRAWS),
            "moderndid": moderndid(DRAWS),
        },
    ),
    f"Callaway-Sant'Anna, 2 covariates, {DRAWS} Rademacher draws": Row(
        "callaway_santanna",
        {OURS: "callaway_santanna: evalkit, Rademacher", "diff-diff": "callaway_santanna: diff-diff"},
    ),
    "Callaway-Sant'Anna, 2 covariates, analytical": Row(
        "callaway_santanna",
        {
            OURS: "callaway_santanna: evalkit, analytical",
            "diff-diff": "callaway_santanna: diff-diff, analytical",
            "csdid": csdid(0),
            "differences": differences(0),
            "moderndid": moderndid(0),
        },
    ),
    "Callaway-Sant'Anna, no covariates, analytical": Row(
        "callaway_santanna",
        {
            OURS: lambda: ours("CallawaySantAnna", kinds=KINDS, comparison="never_treated"),
            "diff-diff": event_study("CallawaySantAnna", control_group="never_treated"),
        },
    ),
    "Two-way fixed effects, static": Row(
        "two_way_fixed_effects",
        {
            OURS: lambda: ours("TwoWayFixedEffects"),
            "pyfixest": feols,
            "linearmodels": panel_ols,
        },
    ),
    "Sun-Abraham": Row("sun_abraham", {OURS: lambda: ours("SunAbraham"), "diff-diff": event_study("SunAbraham")}),
    "Imputation": Row("imputation", {OURS: lambda: ours("Imputation"), "diff-diff": event_study("ImputationDiD")}),
    "Two-stage": Row(
        "imputation", {OURS: "two_stage: evalkit", "diff-diff": "two_stage: diff-diff"}, largest={"diff-diff": 10_000}
    ),
    "Extended two-way, levels": Row(
        "extended_twfe",
        {OURS: "extended_twfe: evalkit, levels", "diff-diff": "extended_twfe: diff-diff, levels"},
        "counts",
    ),
    "Extended two-way, levels, 2 covariates": Row(
        "extended_twfe",
        {
            OURS: "extended_twfe: evalkit, levels, 2 covariates",
            "diff-diff": "extended_twfe: diff-diff, levels, 2 covariates",
        },
        "counts",
        {"diff-diff": 10_000},
    ),
    "Extended two-way, counts": Row(
        "extended_twfe",
        {OURS: "extended_twfe: evalkit, counts", "diff-diff": "extended_twfe: diff-diff, counts"},
        "counts",
    ),
    "Poisson with unit effects": Row(
        "poisson_fixed_effects",
        {OURS: "extended_twfe: evalkit, unit effects", "pyfixest": "extended_twfe: pyfixest, unit effects"},
        "counts",
    ),
    "Stacked": Row(
        "stacked_did", {OURS: "stacked_did: evalkit, stacked", "diff-diff": "stacked_did: diff-diff, stacked"}
    ),
    "Local projections": Row(
        "stacked_did",
        {OURS: "stacked_did: evalkit, local projections", "diff-diff": "stacked_did: diff-diff, local projections"},
    ),
    "Switching treatment": Row(
        "switching_did",
        {
            OURS: "switching_did: evalkit",
            "diff-diff": "switching_did: diff-diff",
            "moderndid": "switching_did: moderndid",
        },
        "switching",
    ),
    "Triple differences": Row(
        "triple_difference",
        {OURS: "triple_difference: evalkit", "diff-diff": "triple_difference: diff-diff"},
        "eligible",
    ),
}


def available() -> dict[str, Row]:
    """Rows whose estimator and scripts are there."""
    estimators = HERE.parents[1] / "evalkit" / "estimators"
    return {
        name: row
        for name, row in ROWS.items()
        if (estimators / f"{row.estimator}.py").exists()
        and all((HERE / f"{script}.py").exists() for script in _scripts(row))
    }


def _scripts(row: Row) -> list[str]:
    return [made.partition(":")[0] for made in row.contenders.values() if isinstance(made, str)]


def contender(row: Row, package: str) -> Run:
    """The run of one package, its warnings silenced."""
    made = row.contenders[package]
    if isinstance(made, str):
        script, _, name = made.partition(": ")
        run: Run = importlib.import_module(script).CONTENDERS[name]()
    else:
        run = made()

    def quiet(frame: pd.DataFrame) -> Answer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run(frame)

    return quiet


def frame_of(row: Row, units: int) -> pd.DataFrame:
    """The long frame of a row."""
    return FRAMES[row.frame](units)


def _of(script: str) -> Any:
    return importlib.import_module(script)


FRAMES: dict[str, Callable[[int], pd.DataFrame]] = {
    "staggered": lambda units: make_frame(units, PERIODS),
    "counts": lambda units: _of("extended_twfe").frame_of(units),
    "switching": lambda units: _of("switching_did").make_frame(units),
    "eligible": lambda units: _of("triple_difference").with_eligible(make_frame(units, PERIODS)),
}
