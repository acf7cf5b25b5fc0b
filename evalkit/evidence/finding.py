"""What was found: favourable, unfavourable, little or no difference, inconclusive. Never merged with certainty."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from evalkit.errors import ConfigError, Reason
from evalkit.estimate import Estimate
from evalkit.evidence.natural import Effect, effect_of, share_base
from evalkit.evidence.schema import FindingBlock
from evalkit.evidence.values import Number, Quantity
from evalkit.language import phrase, say
from evalkit.study.spec import Outcome
from evalkit.study.translations import is_percent
from evalkit.vocabulary import Finding, FloatArray

MidScale = Literal["natural", "percent", "log"]
POINTS: Final = (
    "percentage point", "percent point", "punto porcentual", "puntos porcentuales", "ponto percentual",
    "pontos percentuais",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """The effect in the unit that the smallest change that matters (MID) is declared in.

    Attributes
    ----------
    quantity
        Value and interval in that unit.
    scale
        The outcome's own unit, percent of the level without the programme, or log points.
    mid
        Positive distance; None where none is declared or where it cannot be compared.
    mid_reason
        Why it is None.
    wanted_sign
        +1 where higher is better, -1 where lower is better.
    draws
        (S,) draws in that unit; None on a frequentist run.
    """

    quantity: Quantity
    scale: MidScale
    mid: float | None
    mid_reason: str
    wanted_sign: float
    draws: FloatArray | None

    @property
    def low(self) -> float:
        """Lower bound; the interval of a result that is judged always exists."""
        return float("nan") if self.quantity.low is None else self.quantity.low

    @property
    def high(self) -> float:
        """Upper bound."""
        return float("nan") if self.quantity.high is None else self.quantity.high

    @property
    def includes_zero(self) -> bool:
        """Whether the interval holds 0 (a bound of exactly 0 counts as holding it)."""
        return self.low <= 0.0 <= self.high

    def includes(self, number: float) -> bool:
        """Whether the interval holds a number."""
        return self.low <= number <= self.high


def mid_scale(outcome: Outcome) -> MidScale:
    """Scale that the MID is declared on: read from its unit; the outcome's own unless it says otherwise.

    Raises
    ------
    ConfigError
        For log points on an outcome that is not analysed in logs.
    """
    if outcome.mid is None:
        return "natural"
    scale = scale_of_unit(outcome.mid.unit, outcome.unit)
    if scale == "log" and outcome.transform != "log":
        raise ConfigError(
            Reason(
                "The smallest change that matters of '{outcome}' is in {unit}, but the outcome is not analysed in "
                "logs.",
                outcome=outcome.name,
                unit=outcome.mid.unit,
            ),
            allowed=f"a number in {outcome.unit}, or in percent",
            next_step="Change the mid, or set transform: log.",
        )
    return scale


def scale_of_unit(mid_unit: str, outcome_unit: str) -> MidScale:
    """Scale that a unit of the MID names, beside the outcome's own unit.

    Examples
    --------
    >>> [scale_of_unit(unit, "% of residents") for unit in ("", "percentage points", "%", "log points")]
    ['natural', 'natural', 'percent', 'log']
    """
    unit = mid_unit.strip().lower()
    if not unit or unit == outcome_unit.strip().lower() or unit.startswith(POINTS):
        return "natural"
    if re.match(r"log(?:s|arithms?)?\b|puntos? logar|pontos? logar", unit):
        return "log"
    return "percent" if is_percent(unit) else "natural"


def _distance(outcome: Outcome) -> float | None:
    """The MID in the outcome's own unit, or on its own scale: points of a share between 0 and 1 are hundredths."""
    if outcome.mid is None:
        return None
    points = outcome.family == "proportion" and outcome.mid.unit.strip().lower().startswith(POINTS)
    return outcome.mid.value * share_base(outcome) / 100.0 if points else outcome.mid.value


def judge(effect: Effect, outcome: Outcome) -> Judged:
    """Bring effect and MID into one unit; without a comparable MID the effect stays as analysed."""
    sign = 1.0 if outcome.direction == "higher_better" else -1.0
    scale = mid_scale(outcome)
    as_analysed = effect.push(lambda theta: theta, phrase("log points") if effect.is_log else outcome.unit, linear=True)
    mid = _distance(outcome)
    if mid is None:
        return Judged(
            as_analysed, "log" if effect.is_log else "natural", None, phrase("none declared"), sign, effect.draws
        )
    if scale == "log" or (scale == "natural" and not effect.is_log):
        return Judged(as_analysed, scale, mid, "", sign, effect.draws)
    known = bool(np.isfinite(effect.observed))
    to = effect.absolute if scale == "natural" else effect.percent
    usable = known if scale == "natural" else effect.is_log or (known and _levels_positive(effect))
    if not usable:
        reason = phrase(
            "the level without the programme is unknown or not positive, so the declared MID cannot be compared"
        )
        return Judged(as_analysed, "log" if effect.is_log else "natural", None, reason, sign, effect.draws)
    quantity = effect.push(to, outcome.unit if scale == "natural" else "%")
    return Judged(quantity, scale, mid, "", sign, None if effect.draws is None else to(effect.draws))


def _levels_positive(effect: Effect) -> bool:
    ends = np.array([effect.low, effect.value, effect.high])
    theta = ends if effect.draws is None else np.append(ends, effect.draws)
    return bool(effect.observed > 0.0 and (effect.counterfactual(theta) > 0.0).all())


def find(judged: Judged, outcome: Outcome, *, not_rated: str = "", no_interval: bool = False) -> FindingBlock:
    """Name the finding.

    An interval beyond 0 is favourable or unfavourable even where it lies inside +-MID: the order of
    the standard. That such a difference is smaller than matters is said in words beside it.

    Parameters
    ----------
    judged
        Effect and MID in one unit.
    outcome
        Says which direction the city wants.
    not_rated
        Reason why the run has no result; the finding is then inconclusive.
    no_interval
        Whether no method gives an interval that can be relied on; the finding is then inconclusive as well.
    """
    value = judged.quantity.value
    direction: Literal["increase", "decrease", "none"] = "none"
    if value is not None and value != 0.0 and not not_rated:
        direction = "increase" if value > 0.0 else "decrease"
    mid = Number.missing(judged.mid_reason) if judged.mid is None else Number.declared(judged.mid)
    label, reading = (
        _label(judged) if not not_rated else ("inconclusive", say("Not rated: {not_rated}.", not_rated=not_rated))
    )
    if no_interval and not not_rated:
        label, reading = "inconclusive", phrase("No method gives an interval that can be relied on here.")
    return FindingBlock.model_validate(
        {
            "label": label,
            "outcome_direction": direction,
            "wanted_direction": outcome.direction,
            "mid": mid,
            "judged_in": outcome.unit if judged.scale == "natural" else judged.quantity.unit,
            "reading": reading,
        }
    )


def finding_of_draws(outcome: Outcome, estimate: Estimate, level: float, draws: FloatArray) -> Finding:
    """The finding that other draws of the overall effect would give, e.g. those under another prior.

    Parameters
    ----------
    outcome, estimate
        Primary outcome and its posterior, for scale and observed level.
    level
        Of the credible interval.
    draws
        (S,) in the unit of the outcome as analysed.
    """
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(draws, [tail, 1.0 - tail])
    effect = effect_of(outcome, estimate, estimate.aggregation("overall", level=level))
    moved = replace(effect, value=float(draws.mean()), low=float(low), high=float(high), draws=draws)
    return find(judge(moved, outcome), outcome).label


def _label(judged: Judged) -> tuple[str, str]:
    inside = judged.mid is not None and -judged.mid < judged.low and judged.high < judged.mid
    if not judged.includes_zero and np.isfinite([judged.low, judged.high]).all():
        favourable = (judged.low > 0.0) == (judged.wanted_sign > 0.0)
        small = phrase(" but lies within the smallest change that matters") if inside else ""
        return ("favourable" if favourable else "unfavourable"), say("The interval excludes 0{small}.", small=small)
    if inside:
        return "little_or_no_difference", phrase("The whole interval lies within the smallest change that matters.")
    if judged.mid is None:
        return "inconclusive", say(
            "The interval includes 0; smallest change that matters: {mid_reason}.", mid_reason=judged.mid_reason
        )
    return "inconclusive", phrase("The interval includes 0 and changes that matter.")


@dataclass(frozen=True, slots=True)
class Chances:
    """Posterior shares; those about the smallest change that matters (MID) are None where none can be compared.

    Attributes
    ----------
    benefit
        Of a change in the wanted direction.
    mid
        Of one in the wanted direction, at least as large as the MID.
    within_mid
        Of one smaller than the MID either way: the region of practical equivalence (ROPE).
    worse_mid
        Of one in the other direction, at least as large as the MID. With `mid` and `within_mid` it adds up to 1.
    """

    benefit: float
    mid: float | None = None
    within_mid: float | None = None
    worse_mid: float | None = None


def chances(judged: Judged) -> Chances | None:
    """Posterior shares of what the city would like to know; None on a frequentist run."""
    if judged.draws is None:
        return None
    wanted = judged.wanted_sign * judged.draws
    benefit = float(np.mean(wanted > 0.0))
    if judged.mid is None:
        return Chances(benefit)
    better, worse = float(np.mean(wanted >= judged.mid)), float(np.mean(wanted <= -judged.mid))
    return Chances(benefit, better, float(np.mean(np.abs(wanted) < judged.mid)), worse)
