"""Draw the figures of the method pages from real data: `make figures`.

Each is the event-study figure that the brief of that run shows.
"""

from __future__ import annotations

import sys
from pathlib import Path

from evalkit.config import load_study
from evalkit.evaluation import evaluate
from evalkit.report.compose import compose

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
}
"""Page to the study and overrides behind its figure."""

QUICK = ("study.robustness=[]", "study.checks=[pre_trends]")
"""What the figure does not show."""


def main(pages: list[str]) -> int:
    """Draw the figures of these pages, or of all."""
    IMAGES.mkdir(exist_ok=True)
    for page in pages or list(RUNS):
        study, overrides = RUNS[page]
        evaluation = evaluate(load_study(study, [*overrides, *QUICK]))
        contents = compose(evaluation, provenance={}, study_yaml="")
        figure = next(figure for figure in contents.figures if figure.id == "event_study")
        (IMAGES / f"{page}.png").write_bytes(figure.png)
        sys.stdout.write(f"{page}: {figure.alt}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
