"""Who is in the estimate, who is not, and why."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from evalkit.checks.base import CheckContext, PanelCheck
from evalkit.language import mark, phrase, say
from evalkit.vocabulary import Diagnostic, Domain


class SampleFlow(PanelCheck):
    """Count units and cells from the data to the estimate, by arm."""

    name: ClassVar[str] = "sample_flow"
    null_in_words: ClassVar[str] = mark("Nothing is tested: this counts who entered the estimate.")
    domain: ClassVar[Domain] = "missing_data"
    repeated_cross_sections: ClassVar[bool] = True

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Count."""
        panel, estimate = context.panel, context.estimate
        missing = np.isnan(panel.outcome)
        treated = ~panel.never_treated
        share_treated = float(missing[treated].mean()) if treated.any() else 0.0
        share_comparison = float(missing[~treated].mean()) if (~treated).any() else 0.0
        what, rows = (
            (phrase("places"), phrase("place-periods")) if panel.cross_sections is None else (phrase("persons"),) * 2
        )
        return self.result(
            "informational",
            say(
                "{n_units} {what} in the data, {n_units_2} in the estimate ({n_treated_units} treated); "
                "{mean:.1f} % of {rows} have no outcome ({share_treated:.1f} % among treated {what}, "
                "{share_comparison:.1f} % among the others).",
                n_units=panel.n_units,
                what=what,
                n_units_2=estimate.n_units,
                n_treated_units=estimate.n_treated_units,
                mean=100 * missing.mean(),
                rows=rows,
                share_treated=100 * share_treated,
                share_comparison=100 * share_comparison,
            ),
            n_units_data=float(panel.n_units),
            n_units_used=float(estimate.n_units),
            n_treated_units=float(estimate.n_treated_units),
            n_observations=float(estimate.n_observations),
            missing_share=float(missing.mean()),
            missing_share_treated=share_treated,
            missing_share_comparison=share_comparison,
            always_treated=float(panel.always_treated.sum()),
        )
