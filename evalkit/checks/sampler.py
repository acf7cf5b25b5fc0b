"""Did the sampler explore the posterior?"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck
from evalkit.uncertainty import Posterior, SamplerFigures
from evalkit.vocabulary import Diagnostic, Domain


class Sampler(PanelCheck):
    """R-hat, effective sample size and divergences (Vehtari et al. 2021). A failure means: not rated.

    Parameters
    ----------
    rhat
        Largest R-hat allowed.
    ess
        Smallest bulk and tail effective sample size allowed.
    """

    name: ClassVar[str] = "sampler"
    null_in_words: ClassVar[str] = "The chains agree with each other and have explored the whole posterior."
    domain: ClassVar[Domain] = "estimation"
    repeated_cross_sections: ClassVar[bool] = True

    rhat: Annotated[float, Field(gt=1.0)] = 1.01
    ess: Annotated[float, Field(gt=0.0)] = 400.0

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Hold the sampler's figures against the gates."""
        uncertainty = context.estimate.uncertainty
        if not isinstance(uncertainty, Posterior):
            return self.result("informational", "Nothing was sampled: this estimate is frequentist.")
        figures = uncertainty.sampler
        ess = min(figures.ess_bulk_min, figures.ess_tail_min)
        problems = []
        if not figures.rhat_max <= self.rhat:
            problems.append(f"R-hat reaches {figures.rhat_max:.3f} (at most {self.rhat:g} is allowed)")
        if not ess >= self.ess:
            problems.append(f"the effective sample size falls to {ess:.0f} (at least {self.ess:.0f} is needed)")
        if figures.divergences > 0:
            problems.append(f"{figures.divergences} transitions diverged (none may)")
        reading = (
            f"The sampler cannot be trusted: {'; '.join(problems)}."
            if problems
            else f"{_runs(figures)} (R-hat at most {figures.rhat_max:.3f}, effective sample size at least {ess:.0f}, "
            "no divergences)."
        )
        return self.result(
            "fail" if problems else "pass",
            reading,
            statistic="rhat_max",
            value=figures.rhat_max,
            threshold=self.rhat,
            rhat_max=figures.rhat_max,
            ess_bulk_min=figures.ess_bulk_min,
            ess_tail_min=figures.ess_tail_min,
            divergences=float(figures.divergences),
        )


def _runs(figures: SamplerFigures) -> str:
    """The draws in words; an exact engine draws independently and has no chains to compare."""
    if figures.n_chains == 1:
        return f"{figures.n_draws:,} draws explore the posterior"
    return f"{figures.n_chains} chains of {figures.n_draws:,} draws agree"
