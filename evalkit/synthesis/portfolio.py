"""A portfolio: every study of a city, or of many, with what comparable ones say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evalkit.indicators.document import IndicatorDocument
from evalkit.indicators.equality_document import EqualityDocument
from evalkit.language import Phrases
from evalkit.synthesis.entries import STAGES, Entry, ordered
from evalkit.synthesis.pooling import Group, groups

CRITERIA: Final = {
    "launched": "Evaluations begun: a run is under way or has ended",
    "completed": "Evaluations that ended with a rated finding",
    "decided": "Evaluations on which the city recorded a decision",
    "adapted": "Evaluations after which the city decided to scale, modify or stop",
}
"""What cities report about their use of evaluations, in words."""
CRITERIA_TOLD: Final = Phrases(CRITERIA)
"""The same in the language spoken."""


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Studies and their synthesis.

    Attributes
    ----------
    title
        Of the site.
    priorities
        Id to title, for all that occur.
    entries
        By priority, city and title.
    groups
        Comparable findings, put together.
    indicators, equality
        Indicators of performance and trees of equality indicators, by priority, city and title.
    """

    title: str
    priorities: Mapping[str, str]
    entries: tuple[Entry, ...]
    groups: tuple[Group, ...]
    indicators: tuple[IndicatorDocument, ...] = ()
    equality: tuple[EqualityDocument, ...] = ()

    @property
    def cities(self) -> tuple[str, ...]:
        """All cities, in order."""
        return tuple(sorted({each.city for each in self.entries}))

    def stages(self) -> dict[str, int]:
        """Number of studies at each stage."""
        return {stage: sum(each.stage == stage for each in self.entries) for stage in STAGES}

    def criteria(self, *, city: str | None = None, priority: str | None = None) -> dict[str, int]:
        """How many evaluations were launched, completed, decided on and adapted to (:data:`CRITERIA`)."""
        counted = [
            each
            for each in self.entries
            if (city is None or each.city == city) and (priority is None or each.priority == priority)
        ]
        return {
            "launched": sum(each.stage != "planned" for each in counted),
            "completed": sum(each.certainty is not None for each in counted),
            "decided": sum(each.decision is not None for each in counted),
            "adapted": sum(each.adapted for each in counted),
        }


def build(
    entries: Sequence[Entry],
    *,
    title: str,
    priorities: Mapping[str, str],
    level: float = 0.95,
    measures: Sequence[IndicatorDocument | EqualityDocument] = (),
) -> Portfolio:
    """A portfolio of these studies.

    Parameters
    ----------
    entries
        One a study.
    title
        Of the site.
    priorities
        Id to title; an unknown priority keeps its id.
    level
        Of the intervals of the synthesis.
    measures
        Newest documents of indicators and equality trees.
    """
    kept = tuple(ordered(entries))
    present = {each.priority for each in (*kept, *measures)}
    titles = {name: text for name, text in priorities.items() if name in present}
    titles |= {name: name.replace("_", " ") for name in sorted(present - set(titles))}
    in_order = sorted(measures, key=lambda each: (each.priority, each.city, each.title, each.identity.id))
    return Portfolio(
        title, titles, kept, groups(kept, level=level),
        tuple(each for each in in_order if isinstance(each, IndicatorDocument)),
        tuple(each for each in in_order if isinstance(each, EqualityDocument)),
    )  # fmt: skip
