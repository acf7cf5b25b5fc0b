"""A run and its repetition: which headline numbers are identical, within tolerance, or differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from evalkit.estimate import Estimate
from evalkit.evaluation import Evaluation
from evalkit.uncertainty import Posterior

State = Literal["identical", "within tolerance", "differs"]
FREQUENTIST: Final = 1e-8
"""Relative to the largest number of the same quantity: sums in another order, on another processor."""
MONTE_CARLO_ERRORS: Final = 4.0
"""Of the difference between two runs of a posterior, whose draws are others on another processor."""
_SHARES: Final = ("p_value", "p_benefit", "p_mid", "p_within_mid", "p_worse_mid")
_BOUNDS: Final = ("value", "low", "high")
_NATURAL: Final = ("absolute", "percent", "per_1000", "total_averted", "people_affected", "money")


@dataclass(frozen=True, slots=True)
class Compared:
    """One number or word of both runs.

    Attributes
    ----------
    name
        E.g. ``primary: effect`` or ``robustness Imputation: low``.
    tolerance
        Largest difference that counts as the same; 0 for words.
    """

    name: str
    was: float | str | None
    now: float | str | None
    tolerance: float
    state: State


def headline_numbers(evidence: Mapping[str, Any]) -> dict[str, float | str | None]:
    """Every number of the summary that a sentence rests on, and the words of finding and rating."""
    found: dict[str, float | str | None] = {}
    for row in evidence["estimates"]:
        name = _name(row)
        for bound in _BOUNDS:
            found[f"{name}: {'effect' if bound == 'value' else bound}"] = row["effect"].get(bound)
        found[f"{name}: std_error"] = _plain(row.get("std_error"))
        found.update({f"{name}: {share}": _plain(row.get(share)) for share in _SHARES})
    for measure in _NATURAL:
        effect = (evidence["natural"].get(measure) or {}).get("effect") or {}
        found.update({f"{measure}: {bound}": effect.get(bound) for bound in _BOUNDS})
    found["finding"] = str(evidence["finding"]["label"])
    found["certainty"] = str(evidence["rating"]["label"])
    return found


def _name(row: Mapping[str, Any]) -> str:
    label = str(row["label"])
    return label if label == "primary" else f"{row['role']} {label}"


def _plain(tagged: Mapping[str, Any] | None) -> float | None:
    return None if tagged is None else tagged.get("value")


def compare(was: Mapping[str, Any], now: Mapping[str, Any], evaluation: Evaluation) -> list[Compared]:
    """Compare the headline numbers of a run with those of its repetition.

    Parameters
    ----------
    was, now
        Both summaries in plain types.
    evaluation
        The repetition: its posteriors tell the Monte Carlo error.
    """
    before, after = headline_numbers(was), headline_numbers(now)
    tolerances = dict(_tolerances(now, evaluation))
    found = []
    for name in dict.fromkeys([*before, *after]):
        first, second = before.get(name), after.get(name)
        if first is None and second is None:
            continue
        tolerance = tolerances.get(name, 0.0)
        found.append(Compared(name, first, second, tolerance, _state(first, second, tolerance)))
    return found


def _state(was: float | str | None, now: float | str | None, tolerance: float) -> State:
    if was == now:
        return "identical"
    if isinstance(was, int | float) and isinstance(now, int | float):
        return "within tolerance" if abs(was - now) <= tolerance else "differs"
    return "differs"


def _tolerances(evidence: Mapping[str, Any], evaluation: Evaluation) -> Iterator[tuple[str, float]]:
    """Largest difference of each number that counts as the same."""
    results = {**evaluation.robustness, **evaluation.other_outcomes, "primary": evaluation.estimate}
    primary_scale = primary_error = 0.0
    for row in evidence["estimates"]:
        name, estimate = _name(row), results.get(str(row["label"]))
        scale = _largest(row["effect"])
        errors = _monte_carlo(estimate, evidence) if isinstance(estimate, Estimate) else None
        if name == "primary":
            primary_scale, primary_error = scale, 0.0 if errors is None else errors["low"]
        for number in ("effect", "low", "high", "std_error"):
            yield f"{name}: {number}", FREQUENTIST * scale if errors is None else errors[number]
        for share in _SHARES:
            yield f"{name}: {share}", FREQUENTIST if errors is None else errors["share"]
    for measure in _NATURAL:
        effect = (evidence["natural"].get(measure) or {}).get("effect") or {}
        scale = _largest(effect)
        stretched = primary_error * scale / primary_scale if primary_scale else 0.0
        yield from ((f"{measure}: {bound}", max(FREQUENTIST * scale, stretched)) for bound in _BOUNDS)


def _largest(effect: Mapping[str, Any]) -> float:
    known = [abs(effect[bound]) for bound in _BOUNDS if effect.get(bound) is not None]
    return max(known, default=0.0)


def _monte_carlo(estimate: Estimate, evidence: Mapping[str, Any]) -> dict[str, float] | None:
    """Four Monte Carlo errors of the difference between two runs, for each number; None without a posterior.

    The error of a mean is sd / sqrt(ESS); that of a quantile half the distance between the quantiles at
    p -+ sqrt(p (1 - p) / ESS), with the effective size of the tails (Vehtari et al. 2021).
    """
    posterior = estimate.uncertainty
    if not isinstance(posterior, Posterior):
        return None
    level = next((row["effect"]["level"] for row in evidence["estimates"] if row["effect"].get("level")), 0.95)
    overall = estimate.aggregation("overall", level=level)
    draws = overall.draws
    if draws is None:
        return None
    values = np.asarray(draws, dtype=np.float64).reshape(len(draws), -1)[:, 0]
    bulk, tails = posterior.sampler.ess_bulk_min, posterior.sampler.ess_tail_min
    times = MONTE_CARLO_ERRORS * math.sqrt(2.0)
    sd = float(values.std(ddof=1))
    bound = times * _quantile_error(values, (1.0 - level) / 2.0, tails)
    return {
        "effect": times * sd / math.sqrt(bulk),
        "low": bound,
        "high": max(bound, times * _quantile_error(values, (1.0 + level) / 2.0, tails)),
        "std_error": times * sd / math.sqrt(2.0 * bulk),
        "share": times * 0.5 / math.sqrt(bulk),
    }


def _quantile_error(values: np.ndarray[Any, np.dtype[np.float64]], p: float, size: float) -> float:
    spread = math.sqrt(p * (1.0 - p) / size)
    low, high = np.quantile(values, [max(p - spread, 0.0), min(p + spread, 1.0)])
    return float(high - low) / 2.0


def conditions(
    evidence: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any], *, config_sha: str, data_sha: str
) -> dict[str, tuple[str, str]]:
    """What a repetition depends on, as it was and as it is now: data, config, code, machine.

    Parameters
    ----------
    evidence
        Of the run.
    before, now
        Provenance of both.
    config_sha, data_sha
        Of the repetition.
    """
    identity = evidence["identity"]
    python, was_python = now.get("python") or {}, before.get("python") or {}
    pairs = {
        "data fingerprint": (identity["data_sha"], data_sha),
        "config": (identity["config_sha"], config_sha),
        "evalkit": (identity["evalkit_version"], now.get("evalkit_version")),
        "git commit": (before.get("git_sha"), now.get("git_sha")),
        "uncommitted changes": (before.get("git_diff_sha256"), now.get("git_diff_sha256")),
        "requirements.lock": (before.get("lock_sha256"), now.get("lock_sha256")),
        "Python": (was_python.get("version"), python.get("version")),
        "BLAS": (_words(before.get("blas")), _words(now.get("blas"))),
        "CPU": ((before.get("cpu") or {}).get("model"), (now.get("cpu") or {}).get("model")),
    }
    packages = {**(before.get("packages") or {})}
    changed = {
        name: (version, (now.get("packages") or {}).get(name))
        for name, version in packages.items()
        if (now.get("packages") or {}).get(name) != version
    }
    pairs.update(changed)
    return {name: (_known(was), _known(is_now)) for name, (was, is_now) in pairs.items()}


def _words(content: Mapping[str, Any] | None) -> str | None:
    return None if content is None else " ".join(str(value) for _, value in sorted(content.items()))


def _known(value: object) -> str:
    return "none" if value in (None, "") else str(value)
