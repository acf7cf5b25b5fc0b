"""Did the sampler explore the posterior?"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck
from evalkit.language import mark, phrase, say
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
    null_in_words: ClassVar[str] = mark("The chains agree with each other and have explored the whole posterior.")
    domain: ClassVar[Domain] = "estimation"
    repeated_cross_sections: ClassVar[bool] = True

    rhat: Annotated[float, Field(gt=1.0)] = 1.01
    ess: Annotated[float, Field(gt=0.0)] = 400.0
    energy: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.3

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Hold the sampler's figures against the gates."""
        uncertainty = context.estimate.uncertainty
        if not isinstance(uncertainty, Posterior):
            return self.result("informational", phrase("Nothing was sampled: this estimate is frequentist."))
        figures = uncertainty.sampler
        ess = min(figures.ess_bulk_min, figures.ess_tail_min)
        problems = []
        if not figures.rhat_max <= self.rhat:
            problems.append(
                say(
                    "R-hat reaches {rhat_max:.3f} (at most {rhat:g} is allowed)",
                    rhat_max=figures.rhat_max,
                    rhat=self.rhat,
                )
            )
        if not ess >= self.ess:
            problems.append(
                say(
                    "the effective sample size falls to {ess:.0f} (at least {ess_2:.0f} is needed)",
                    ess=ess,
                    ess_2=self.ess,
                )
            )
        if figures.divergences > 0:
            problems.append(say("{divergences} transitions diverged (none may)", divergences=figures.divergences))
        energy = figures.energy_bfmi_min
        stuck = energy is not None and not energy >= self.energy
        reading = (
            say("The sampler cannot be trusted: {listed}.", listed="; ".join(problems))
            if problems
            else say(
                "{runs} (R-hat at most {rhat_max:.3f}, effective sample size at least {ess:.0f}, no divergences).",
                runs=_runs(figures),
                rhat_max=figures.rhat_max,
                ess=ess,
            )
        )
        if stuck:
            reading += say(
                " The chains hardly move between energy levels (E-BFMI {energy:.2f}; {energy_2:g} is "
                "needed), so the tails of the posterior may be too thin.",
                energy=energy,
                energy_2=self.energy,
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
        return say("{n_draws:,} draws explore the posterior", n_draws=figures.n_draws)
    return say("{n_chains} chains of {n_draws:,} draws agree", n_chains=figures.n_chains, n_draws=figures.n_draws)
