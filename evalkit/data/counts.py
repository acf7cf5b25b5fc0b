"""Outcomes that only grow from zero: counts, rates and shares, and what their exposure is to a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DataError, Reason
from evalkit.language import phrase, say
from evalkit.vocabulary import BoolArray, FloatArray, Remark

ExposureUse = Literal["auto", "offset", "weight", "ignore"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """What each row's expected outcome is proportional to, and what it weighs.

    Attributes
    ----------
    offset
        (N, T) exposure of a count; None where there is none.
    weight
        (N, T) weights, the denominators of a rate among them; None when unweighted.
    remarks
        How the exposure was read.
    """

    offset: FloatArray | None
    weight: FloatArray | None
    remarks: tuple[Remark, ...] = ()


def refuse_logs(panel: Panel, model: str | Reason, fits: Reason) -> None:
    """Refuse an outcome in logs by name.

    Parameters
    ----------
    panel
        What is to be estimated on.
    model, fits
        As in "Poisson" and "counts and rates".

    Raises
    ------
    DataError
        When the panel's outcome is a logarithm.
    """
    if panel.transform == "log":
        raise DataError(
            Reason(
                "The outcome '{outcome}' is analysed in logs, and {model} takes {fits} as they are: it models the "
                "logarithm of the mean itself.",
                outcome=panel.names.outcome,
                model=model,
                fits=fits,
            ),
            allowed="transform: identity on this outcome",
            next_step="Set transform: identity on the outcome, or choose an estimator for logs.",
        )


def refuse_outside(panel: Panel, used: BoolArray, model: str | Reason, fits: Reason, upper: float = np.inf) -> None:
    """Refuse negative outcomes, or shares above `upper`, naming the first row.

    Parameters
    ----------
    panel
        What is to be estimated on.
    used
        (N, T) rows that the model would take.
    model, fits
        As in "Poisson" and "counts and rates".
    upper
        Largest value allowed.

    Raises
    ------
    DataError
        With unit, period and value.
    """
    wrong = used & ((panel.outcome < 0.0) | (panel.outcome > upper))
    if not wrong.any():
        return
    unit, period = np.argwhere(wrong)[0]
    bounds = Reason("0 or more") if np.isinf(upper) else Reason("from 0 to {upper:g}", upper=upper)
    raise DataError(
        Reason(
            "{model} needs {fits} ({bounds}), and the outcome '{outcome}' is not in {count} rows, the first being "
            "unit '{unit}' in {period}: {value:g}.",
            model=model,
            fits=fits,
            bounds=bounds,
            outcome=panel.names.outcome,
            count=int(wrong.sum()),
            unit=panel.units[unit],
            period=panel.calendar.text(int(panel.time[period])),
            value=panel.outcome[unit, period],
        ),
        next_step="Use the column of counts or rates as it was recorded, not its logarithm or a change, or choose "
        "a linear estimator.",
    )


def sizes(panel: Panel, used: BoolArray, use: ExposureUse) -> Sizes:
    """Decide what the panel's exposure is to a Poisson model.

    A count grows with its exposure, which is its offset. A rate has been divided by it: the same model then weighs
    rates by their denominators, which gives the same estimate as the counts would.

    Parameters
    ----------
    panel
        What is to be estimated on.
    used
        (N, T) rows that the model takes.
    use
        ``auto``: weights where the outcome has fractions, else an offset.

    Raises
    ------
    ConfigError
        When an exposure is asked for and there is none.
    DataError
        When an exposure is not a positive number.
    """
    if panel.exposure is None:
        if use in ("offset", "weight"):
            raise ConfigError(
                Reason("exposure is '{use}', and this panel has no exposure.", use=use),
                allowed="exposure: auto or ignore",
                next_step="Name the column of denominators as the outcome's exposure.",
            )
        return Sizes(None, panel.weight)
    if use == "ignore":
        return Sizes(
            None, panel.weight, (Remark("exposure_ignored", phrase("The exposure was left aside, as asked.")),)
        )
    wrong = used & ~((panel.exposure > 0.0) & np.isfinite(panel.exposure))
    if wrong.any():
        unit, period = np.argwhere(wrong)[0]
        raise DataError(
            Reason(
                "Exposure must be a positive number; {count} rows have none, the first being unit '{unit}' in "
                "{period}: {value:g}.",
                count=int(wrong.sum()),
                unit=panel.units[unit],
                period=panel.calendar.text(int(panel.time[period])),
                value=panel.exposure[unit, period],
            ),
            next_step="Fill or drop these rows.",
        )
    known = np.where(used, panel.outcome, 0.0)
    if use == "offset" or (use == "auto" and np.array_equal(known, np.round(known))):
        remark = Remark(
            "exposure_offset", phrase("Expected counts are proportional to the exposure: effects are on its rate.")
        )
        return Sizes(panel.exposure, panel.weight, (remark,))
    read = phrase("The outcome has fractions, so it is read as" if use == "auto" else "The outcome is taken as")
    weight = panel.exposure if panel.weight is None else panel.weight * panel.exposure
    return Sizes(
        None,
        weight,
        (
            Remark(
                "exposure_weight",
                say(
                    "{read} a rate whose denominator is the exposure: rates are weighted by it, which gives the "
                    "estimate that the counts themselves would.",
                    read=read,
                ),
            ),
        ),
    )
