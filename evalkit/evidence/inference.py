"""Which inference is reported for an estimate, and the sentence that says so."""

from __future__ import annotations

from typing import Final, get_args

import numpy as np

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.evidence import blocks
from evalkit.evidence.facts import Facts
from evalkit.evidence.phrases import WORDS
from evalkit.evidence.schema import InferenceBlock
from evalkit.evidence.speaking import Voice
from evalkit.evidence.values import Count, Number
from evalkit.inference.refits import assigned, starting
from evalkit.language import localized, mark, phrase
from evalkit.study.told import told, told_units
from evalkit.uncertainty import Reported
from evalkit.vocabulary import OwnMethod

WITHHELD: Final = mark("counts of people are withheld, and this would give them away")
OWN: Final = get_args(OwnMethod)
NO_LIMIT: Final = mark("the method has no smallest p-value")


def inference_block(facts: Facts, estimate: Estimate) -> InferenceBlock | None:
    """Method, reason and figures; None where no rule table was applied (an estimate made by hand)."""
    found = estimate.reported
    if found is None:
        return None
    voice = Voice(facts.standard, "Very low", facts.is_bayesian)  # a verb of no certainty stands in these sentences
    posterior = phrase("a posterior has no p-value")
    smallest = Number.suppressed(WITHHELD) if facts.withholds else blocks.number(found.smallest_p, NO_LIMIT)
    own = phrase("no p-value") if found.method != "credible" else posterior
    return InferenceBlock(
        method=found.method,
        reason=reason(facts, voice, found),
        n_treated_clusters=_count(facts, found.n_treated_clusters),
        n_clusters=_count(facts, found.n_clusters),
        p_value=blocks.number(found.p_value, own),
        smallest_p=smallest,
        degrees_of_freedom=Number.suppressed(WITHHELD)
        if facts.withholds
        else blocks.number(found.degrees_of_freedom, phrase("the reference is no t distribution")),
        clustered_low=blocks.number(found.clustered_low, phrase("not a finite number")),
        clustered_high=blocks.number(found.clustered_high, phrase("not a finite number")),
        clustered_p=blocks.number(found.clustered_p, own),
    )


def reason(facts: Facts, voice: Voice, found: Reported) -> str:
    """One sentence: which inference is reported and why."""
    if found.method == "credible":
        return voice.say("inference_credible")
    names = _names(facts, found)
    few = any(method == "clustered" for method, _ in found.passed_over)
    if found.method == "clustered":
        return voice.say("inference_clustered_few" if few else "inference_clustered", names)
    if found.method == "none":
        return voice.say("inference_none_method" if found.uncalibrated else "inference_none", names)
    key = f"inference_{found.method}"
    if found.method in OWN:
        return voice.say(key, names)
    if found.method == "randomization" and found.n_treated_clusters == 1:
        key = "inference_randomization_one"
    opening = voice.say("inference_asked" if found.asked else "inference_few", names)
    return f"{opening} {voice.say(key, names)}"


def sentence(facts: Facts, voice: Voice) -> str | None:
    """The sentence on the primary estimate's inference; None where it is the estimator's own, as usual."""
    found = facts.estimate.reported
    if found is None or found.method in ("clustered", "credible"):
        return None
    return reason(facts, voice, found)


def _names(facts: Facts, found: Reported) -> dict[str, str]:
    clusters = cluster_word(facts)
    return {
        "treated": facts.counted(found.n_treated_clusters),
        "total": facts.counted(found.n_clusters),
        "treated_clusters": clusters_word(facts, found.n_treated_clusters),
        "clusters": clusters_word(facts),
        "cluster": clusters,
        "who": _who(facts),
        "degrees": WORDS["few"] if facts.withholds else localized(f"{found.degrees_of_freedom or 0:.3g}"),
    }


def cluster_word(facts: Facts) -> str:
    """What a cluster is called: the unit where each unit is one, else a group or cluster."""
    if facts.panel.cross_sections is not None:
        return WORDS["group"]
    return told(facts.spec).assignment.unit if _alone(facts.panel) else WORDS["cluster"]


def clusters_word(facts: Facts, count: int = 2) -> str:
    """What clusters are called: the plural of :func:`cluster_word`, unless there is exactly one."""
    if count == 1:
        return cluster_word(facts)
    if facts.panel.cross_sections is not None:
        return WORDS["groups"]
    return told_units(facts.spec) if _alone(facts.panel) else WORDS["clusters"]


def _alone(panel: Panel) -> bool:
    return panel.cluster is None or int(np.unique(panel.cluster).size) == panel.n_units


def _who(facts: Facts) -> str:
    """The one treated place by name, where places may be named and there is one."""
    panel = facts.panel
    treated = panel.units[starting(panel)]
    alone = facts.rules.subject == "places" and len(treated) == 1 and assigned(panel).max() + 1 == panel.n_units
    return str(treated[0]) if alone else WORDS.say("treated_place", unit=cluster_word(facts))


def _count(facts: Facts, count: int) -> Count:
    return Count.suppressed(WITHHELD) if facts.withholds else Count.derived(count)
