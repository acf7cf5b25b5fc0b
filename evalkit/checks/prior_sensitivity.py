"""Would a little more or less trust in the prior change the answer?"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import numpy as np
from pydantic import Field

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.posterior import overall_draws, predictive_of
from evalkit.checks.wording import two_digits
from evalkit.language import mark, phrase, say
from evalkit.numerics.power_scaling import ALPHAS, NOTABLE, Scaled, noise_of_sensitivity, scale, sensitivity
from evalkit.uncertainty import Predictive
from evalkit.vocabulary import CheckStatus, Diagnostic, Domain, Exhibit, FloatArray

COMPONENTS: Final = {"prior": mark("the prior"), "data": mark("the data")}


class PriorSensitivity(PanelCheck):
    """Power scaling of prior and likelihood (Kallioinen, Paananen, Bürkner and Vehtari 2023).

    Prior and likelihood are raised to powers a little below and above 1, without sampling again. The check fails
    where the finding changes when the prior is scaled, and warns where the prior is influential.

    Parameters
    ----------
    alphas
        Powers; below 1 a component says less, above 1 more.
    notable
        Sensitivity (gradient of the distance between posteriors) from which a component counts as influential,
        unless chance alone gives these draws more.
    """

    name: ClassVar[str] = "prior_sensitivity"
    null_in_words: ClassVar[str] = mark("A little more or less trust in the prior leaves the answer as it is.")
    domain: ClassVar[Domain] = "estimation"
    repeated_cross_sections: ClassVar[bool] = True

    alphas: tuple[Annotated[float, Field(gt=0.0)], ...] = ALPHAS
    notable: Annotated[float, Field(gt=0.0)] = NOTABLE

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Scale the prior, then the likelihood."""
        predictive = predictive_of(context)
        if not isinstance(predictive, Predictive):
            return self.result(*predictive)
        if predictive.log_prior is None:
            return self.result(
                "not_run", phrase("The estimator keeps no density of its prior, so it cannot be scaled.")
            )
        draws = overall_draws(context.estimate, predictive)
        of_prior = scale(draws, predictive.log_prior, self.alphas)
        unreliable = [each for each in of_prior if not each.weights.reliable]
        if unreliable:
            return self.result(
                "not_run",
                say(
                    "With the prior to the power {alpha:g} the posterior lies too far from the draws at hand "
                    "(Pareto k {k:.2f}): fit again under another prior to see what it does.",
                    alpha=unreliable[0].alpha,
                    k=unreliable[0].weights.k,
                ),
                prior_sensitivity=sensitivity(draws, predictive.log_prior),
            )
        likelihood = None if predictive.log_likelihood is None else predictive.log_likelihood.sum(axis=1)
        of_data = () if likelihood is None else scale(draws, likelihood, self.alphas)
        by_prior = sensitivity(draws, predictive.log_prior)
        by_data = None if likelihood is None else sensitivity(draws, likelihood)
        threshold = max(self.notable, noise_of_sensitivity(draws, predictive.log_prior))
        shift = max((each.shift for each in of_prior), key=abs)
        changes, labels = _finding_changes(context, draws, of_prior)
        status: CheckStatus = "fail" if changes else "warn" if by_prior >= threshold else "pass"
        details = {f"shift_{name}_{each.alpha:g}": each.shift
                   for name, all_of in (("prior", of_prior), ("data", of_data)) for each in all_of}  # fmt: skip
        told = self.result(
            status,
            self._reading(shift, labels, by_prior >= threshold, by_data),
            statistic="prior_sensitivity",
            value=by_prior,
            threshold=threshold,
            **({} if by_data is None else {"data_sensitivity": by_data}),
            **({} if changes is None else {"finding_changes": float(changes)}),
            largest_shift=shift,
            **details,
        )
        level = context.spec.design.level
        return exhibiting(told, _exhibit(draws, {"prior": of_prior, "data": of_data}, level))

    def _reading(self, shift: float, labels: tuple[str, ...], weighs: bool, by_data: float | None) -> str:
        powers = say("the prior to the power {listed}", listed=" or ".join(f"{alpha:g}" for alpha in self.alphas))
        moved = say(
            "With {powers} the effect moves by {shift} of its standard deviation at most",
            powers=powers,
            shift=two_digits(abs(shift)),
        )
        if len(labels) > 1:
            found = say("{moved}, and the finding changes ({listed})", moved=moved, listed=" or ".join(labels))
        else:
            found = moved + (say(", and the finding stays {labels}", labels=labels[0]) if labels else "")
        if not weighs:
            return f"{found}."
        if by_data is not None and by_data < self.notable:
            return say(
                "{found}. The prior weighs on the answer, and more or less weight on the data hardly moves it.",
                found=found,
            )
        return say(
            "{found}. The prior weighs on the answer: prior and data may pull in different directions.", found=found
        )


def _finding_changes(
    context: CheckContext, draws: FloatArray, scaled: tuple[Scaled, ...]
) -> tuple[bool | None, tuple[str, ...]]:
    """Whether the finding differs between the powers, and the findings in words; None where nobody judges it."""
    if context.finding_of is None:
        return None, ()
    labels = [context.finding_of(each) for each in (draws, *(one.draws for one in scaled))]
    distinct = tuple(dict.fromkeys(labels))
    return len(distinct) > 1, tuple(label.replace("_", " ") for label in distinct)


def _exhibit(draws: FloatArray, scaled: dict[str, tuple[Scaled, ...]], level: float) -> Exhibit:
    """Mean and interval of the effect under each power."""
    rows = [(phrase("as analysed"), 1.0, draws)]
    rows += [(COMPONENTS[name], each.alpha, each.draws) for name, all_of in scaled.items() for each in all_of]
    tail = (1.0 - level) / 2.0
    ends = np.array([np.quantile(values, [tail, 1.0 - tail]) for _, _, values in rows])
    return Exhibit(
        "prior_sensitivity",
        {
            "component": tuple(name for name, _, _ in rows),
            "power": tuple(alpha for _, alpha, _ in rows),
            "estimate": tuple(float(values.mean()) for _, _, values in rows),
            "low": tuple(ends[:, 0].tolist()),
            "high": tuple(ends[:, 1].tolist()),
        },
        labels=("power",),
    )
