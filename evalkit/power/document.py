"""A simulated design as data: the curve, and everything that a protocol needs to state its power."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import pandas as pd

from evalkit.power.result import Detectable, Power, Way
from evalkit.power.scale import Scale, mid_as_analysed
from evalkit.power.words import Words
from evalkit.study.spec import Study
from evalkit.vocabulary import FloatArray

POINTS: Final = 41
"""Effects on the curve, from 0 on."""
POWERS: Final = (0.5, 0.8, 0.9)
BEYOND: Final = 1.25
"""The curve ends at this multiple of the change detected nineteen times in twenty."""
WAYS: Final[tuple[Way, ...]] = ("rise", "fall")


def curve(found: Power, scale: Scale) -> pd.DataFrame:
    """Power by size of the effect, both ways.

    Returns
    -------
    DataFrame
        way, effect (as analysed, with its sign), effect_shown (positive, in `scale.unit`), power and its Monte
        Carlo error. At effect 0 the power is the share of panels in which such a change is declared.
    """
    parts = []
    for way in WAYS:
        end = found.detectable(0.95, way).effect
        known = found.of(way)[np.isfinite(found.of(way))]
        end = BEYOND * (end if math.isfinite(end) else float(np.max(known, initial=0.0)))
        effects = np.linspace(0.0, end if end > 0.0 else 1.0, POINTS)
        powers = np.array([found.power_at(float(effect), way) for effect in effects])
        parts.append(
            pd.DataFrame(
                {
                    "way": way,
                    "effect": effects if way == "rise" else -effects,
                    "effect_shown": [scale.shown(float(effect), way) for effect in effects],
                    "power": powers[:, 0],
                    "mc_error": powers[:, 1],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def to_dict(study: Study, found: Power, *, power: float, effect: float | None, data_sha: str | None) -> dict[str, Any]:
    """Everything in plain types; sizes as shown are positive, in `unit`.

    Parameters
    ----------
    study, found
        What was simulated.
    power
        The one that the headline speaks of.
    effect
        A size as analysed whose power was asked for.
    data_sha
        Fingerprint of the data; None where they are restricted.
    """
    words = Words.of(study.spec, found)
    mid = mid_as_analysed(study.spec.primary_outcome, words.scale, words.way)
    size, size_error = found.size()
    return {
        "study": study.spec.id,
        "study_sha": study.sha(),
        "data_sha": data_sha,
        "seed": study.seed,
        "draws": found.draws,
        "outcome": words.outcome,
        "transform": study.spec.primary_outcome.transform,
        "unit": words.scale.unit,
        "wanted": words.way,
        "estimator": {"name": study.estimator.name, "settings": study.estimator.settings},
        "test": found.test,
        "level": found.level,
        "asked_power": power,
        "smallest_p": 1.0 / min(found.distinct, 1000) if found.test == "permutation" else None,
        "schedule": {
            "places": found.schedule.total,
            "treated": found.schedule.treated,
            "sizes": list(found.schedule.sizes),
            "offsets": list(found.schedule.offsets),
            "before": found.schedule.before,
            "after": found.schedule.after,
            "place_periods_delivered": found.schedule.delivered,
        },
        "history": {
            "kind": found.history.kind,
            "places": found.history.n_places,
            "first_period": found.history.period_labels[0],
            "last_period": found.history.period_labels[1],
        },
        "size": {"share": size, "mc_error": size_error},
        "detectable": [
            _detectable(found.detectable(target, way), words.scale, way)
            for way in WAYS
            for target in sorted({*POWERS, power})
        ],
        "mid": None if mid is None else _at(found, words, mid),
        "effect": None if effect is None else _at(found, words, effect),
        "placebo_mean": _mean(found.thresholds.estimate),
        "placebo_sd": None
        if np.isnan(found.thresholds.estimate).all()
        else float(np.nanstd(found.thresholds.estimate)),
        "mean_std_error": _mean(found.thresholds.std_error),
        "linear": found.linear,
        "panels_refused": found.n_failed,
        "headline": words.headline(power),
        "sentences": [text for text in (words.verdict(power), words.size(), words.design(), words.history()) if text],
        "remarks": [remark.text for remark in found.remarks],
    }


def _detectable(found: Detectable, scale: Scale, way: Way) -> dict[str, Any]:
    def shown(effect: float) -> float | None:
        return scale.shown(effect, way) if math.isfinite(effect) else None

    return {
        "way": way,
        "power": found.power,
        "effect": _finite(found.effect),
        "shown": shown(found.effect),
        "shown_mc_low": shown(found.low),
        "shown_mc_high": shown(found.high),
    }


def _at(found: Power, words: Words, effect: float) -> dict[str, Any]:
    share, error = found.power_at(effect, words.way)
    return {"effect": effect, "shown": words.scale.shown(effect, words.way), "power": share, "mc_error": error}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mean(values: FloatArray) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))


def _root(value: float | None) -> float | None:
    return None if value is None else math.sqrt(value)
