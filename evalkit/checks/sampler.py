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
    energy
        Smallest E-BFMI (Betancourt 2016) that passes: below, chains of Hamiltonian Monte Carlo hardly move between
        energy levels and may miss tails. It warns, since R-hat and the effective size judge what came of it.
    """

    name: ClassVar[str] = "sampler"
    null_in_words: ClassVar[str] = "The chains agree with each other and have explored the whole posterior."
    domain: ClassVar[Domain] = "estimation"
    repeated_cross_sections: ClassVar[bool] = True

    rhat: Annotated[float, Field(gt=1.0)] = 1.01
    ess: Annotated[float, Field(gt=0.0)] = 400.0
    energy: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.3

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
        energy = figures.energy_bfmi_min
        stuck = energy is not None and not energy >= self.energy
        reading = (
            f"The sampler cannot be trusted: {'; '.join(problems)}."
            if problems
            else f"{_runs(figures)} (R-hat at most {figures.rhat_max:.3f}, effective sample size at least {ess:.0f}, "
            "no divergences)."
        )
        if stuck:
            reading += (
                f" The chains hardly move between energy levels (E-BFMI {energy:.2f}; {self.energy:g} is needed), so "
                "the tails of the posterior may be too thin."
            )
        return self.result(
            "fail" if problems else "warn" if stuck else "pass",
            reading,
            statistic="rhat_max",
            value=figures.rhat_max,
            threshold=self.rhat,
            rhat_max=figures.rhat_max,
            ess_bulk_min=figures.ess_bulk_min,
            ess_tail_min=figures.ess_tail_min,
            divergences=float(figures.divergences),
            **({} if energy is None else {"energy_bfmi_min": energy}),
        )


def _runs(figures: SamplerFigures) -> str:
    """The draws in words; an exact engine draws independently and has no chains to compare."""
    if figures.n_chains == 1:
        return f"{figures.n_draws:,} draws explore the posterior"
    return f"{figures.n_chains} chains of {figures.n_draws:,} draws agree"
