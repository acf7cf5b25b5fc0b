"""What a check is: settings in the constructor, a null in words, diagnostics out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationError

from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, EvalkitError, Reason
from evalkit.estimate import Estimate
from evalkit.language import phrase
from evalkit.study.spec import StudySpec
from evalkit.study.validation import explain
from evalkit.vocabulary import CheckStatus, Diagnostic, Domain, Exhibit, Finding, FloatArray


def no_other_outcome(name: str) -> Estimate | EvalkitError:
    """Where the caller gives no further outcomes."""
    return ConfigError(
        Reason("The outcome '{name}' was not estimated.", name=name), next_step="Run the check as part of a study."
    )


@dataclass(frozen=True, slots=True)
class CheckContext:
    """What a check may look at.

    Attributes
    ----------
    spec
        The study.
    panel, estimate
        The primary analysis.
    fit
        Repeats the primary estimator, same settings and seed, on another panel.
    of_outcome
        The primary estimator's estimate of a further outcome, by name, or the reason why there is none.
    finding_of
        The finding that draws of the overall effect would give, as the summary judges it; None outside a study.
    """

    spec: StudySpec
    panel: Panel
    estimate: Estimate
    fit: Callable[[Panel], Estimate]
    of_outcome: Callable[[str], Estimate | EvalkitError] = no_other_outcome
    finding_of: Callable[[FloatArray], Finding] | None = None


@runtime_checkable
class Check(Protocol):
    """One question about whether the estimate can be trusted."""

    name: ClassVar[str]
    null_in_words: ClassVar[str]

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Answer it; a check that cannot run says so (``not_run``), it never passes by default."""
        ...


def answer(check: Check, context: CheckContext) -> tuple[Diagnostic, ...]:
    """Run a check, or say why it cannot: most follow units over time, which repeated cross-sections do not have."""
    if context.panel.cross_sections is None or getattr(check, "repeated_cross_sections", False):
        return check.run(context)
    reading = phrase("This check follows units over time; in repeated cross-sections each row is another person.")
    domain: Domain = getattr(check, "domain", "estimation")
    return (Diagnostic(check.name, phrase(check.null_in_words), "", None, None, "not_run", domain, reading),)


class PanelCheck(BaseModel):
    """Base of the built-in checks: a frozen pydantic model whose errors people can read.

    Attributes
    ----------
    repeated_cross_sections
        Set where the check also reads data in which each row is another person.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str]
    null_in_words: ClassVar[str]
    domain: ClassVar[Domain]
    repeated_cross_sections: ClassVar[bool] = False

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise explain(error, type(self), where=f"of the check '{self.name}'") from None

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Answer the check's question."""
        raise NotImplementedError(f"{type(self).__name__} does not define run")

    def result(
        self,
        status: CheckStatus,
        reading: str,
        *,
        statistic: str = "",
        value: float | None = None,
        threshold: float | None = None,
        **details: float,
    ) -> tuple[Diagnostic, ...]:
        """One diagnostic of this check."""
        return (
            Diagnostic(
                id=self.name,
                null_in_words=phrase(self.null_in_words),
                statistic=statistic,
                value=value,
                threshold=threshold,
                status=status,
                domain=self.domain,
                reading=phrase(reading),
                details=tuple(details.items()),
            ),
        )


def exhibiting(result: tuple[Diagnostic, ...], exhibit: Exhibit) -> tuple[Diagnostic, ...]:
    """The diagnostics of a check, the first of them with a figure."""
    return (replace(result[0], exhibit=exhibit), *result[1:])
