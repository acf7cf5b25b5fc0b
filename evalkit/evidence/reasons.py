"""Why the certainty is what it is, and what would lift it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from evalkit.evidence.phrases import WORDS
from evalkit.evidence.rating import Rating, tally
from evalkit.evidence.schema_rating import Raise, TrailStep
from evalkit.evidence.speaking import Voice
from evalkit.evidence.standard import Standard


def certainty_sentence(rating: Rating, voice: Voice, standard: Standard) -> str:
    """Label, the two steps that cost most, and the least that would have to change.

    What would lift it is found by adding the trail up again without each step, so that the sentence
    never promises a rise that the table does not give.
    """
    counted = weightiest(rating, standard)
    if not counted:
        return voice.say("certainty_plain", label=WORDS[f"label_{rating.label}"])
    because = [step.because for step in counted[:2]]
    if rating.certainty is None:
        return voice.say("certainty_not_rated", {"first": because[0], "fix": counted[0].fix})
    lifted = fix(rating, counted, standard)
    key = "certainty_one" if len(because) == 1 else "certainty_two"
    names = dict(zip(("first", "second"), because, strict=False))
    if not lifted:
        return voice.say(f"{key}_no_fix", names, label=WORDS[f"label_{rating.label}"])
    clauses = list(dict.fromkeys(step.fix for step in lifted))
    whole = clauses[0]
    for clause in clauses[1:]:
        whole = voice.say("fix_both", {"first": whole, "second": clause})
    return voice.say(key, {**names, "fix": whole}, label=WORDS[f"label_{rating.label}"])


def raises(rating: Rating, standard: Standard) -> tuple[Raise, ...]:
    """Everything that would raise the certainty: each gate, cap and deduction that applied, with what it alone gives.

    Of a run that is not rated the gates alone, which nothing else outweighs.
    """
    kinds = ("cap", "deduction") if rating.certainty is not None else ("gate",)
    judged = [step for step in rating.trail if step.kind in ("gate", "cap", "deduction", "upgrade")]
    return tuple(
        Raise(
            rule=step.rule,
            fix=step.fix,
            points=0 if step.kind == "gate" else _lost(step, standard.certainty.start),
            alone=tally(_without(judged, [step], standard), standard).label,
        )
        for step in rating.trail
        if step.state == "applied" and step.kind in kinds and step.fix
    )


def weightiest(rating: Rating, standard: Standard) -> list[TrailStep]:
    """Gates; else the lowest cap and all deductions that applied, by points lost, deductions first on ties."""
    applied = [step for step in rating.trail if step.state == "applied"]
    gates = [step for step in applied if step.kind == "gate"]
    if gates:
        return gates
    caps = [step for step in applied if step.cap is not None]
    lowest = min((step.cap for step in caps if step.cap is not None), default=None)
    counted = [step for step in applied if step.kind == "deduction"]
    counted += [step for step in caps if step.cap == lowest][:1]
    return sorted(counted, key=lambda step: (-_lost(step, standard.certainty.start), step.kind == "cap"))


def fix(rating: Rating, counted: Sequence[TrailStep], standard: Standard) -> tuple[TrailStep, ...]:
    """Fewest steps whose absence would raise the certainty, weightiest first; empty where none is known."""
    now = rating.certainty or 0
    judged = [step for step in rating.trail if step.kind in ("gate", "cap", "deduction", "upgrade")]
    for size in range(1, len(counted) + 1):
        for chosen in combinations(counted, size):
            if (tally(_without(judged, chosen, standard), standard).certainty or 0) > now:
                return chosen
    return ()


def _without(judged: Iterable[TrailStep], chosen: Sequence[TrailStep], standard: Standard) -> list[TrailStep]:
    """The trail as it would be without these steps; a cap that is lifted may leave the design under the next one."""
    left = [standard.rules[step.rule].leaves for step in chosen if step.rule in standard.rules]
    caps = {name: standard.rules[name].cap for name in left if name is not None}
    return [
        step.model_copy(update={"state": "applied", "cap": caps[step.rule]}) if step.rule in caps else step
        for step in judged
        if step not in chosen
    ]


def _lost(step: TrailStep, start: int) -> int:
    return start - step.cap if step.cap is not None else -step.points
