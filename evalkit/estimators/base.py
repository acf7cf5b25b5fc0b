"""What an estimator is: settings in the constructor, all work in fit, no state kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from evalkit.data.panel import Panel
from evalkit.estimate import Estimate
from evalkit.study.validation import explain


@dataclass(frozen=True, slots=True)
class Needs:
    """What a design must offer before the estimator can run; compared with the panel up front.

    Attributes
    ----------
    never_treated
        At least one never-treated unit.
    pre_periods
        Untreated periods that a treated cohort must have.
    absorbing
        Treatment, once on, stays on.
    cohort_cells
        True when the estimator reports effects by cohort and period, not only pooled ones.
    answers
        One sentence: the question that it answers.
    """

    answers: str
    never_treated: bool = False
    pre_periods: int = 1
    absorbing: bool = True
    cohort_cells: bool = True


@runtime_checkable
class Estimator(Protocol):
    """Settings in the constructor (frozen, validated); all work in fit; no state kept.

    Laws that every implementation keeps (``evalkit.testing.check_estimator`` runs them): the panel
    is never changed; the same seed gives the same result to the bit; the order of rows and the
    names of units do not matter; y -> a + b y scales effects and errors by b.
    """

    name: ClassVar[str]
    needs: ClassVar[Needs]

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Estimate the effects of the panel's treatment on its outcome."""
        ...


class PanelEstimator(BaseModel):
    """Base of the built-in estimators: a frozen pydantic model whose errors people can read."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)
    name: ClassVar[str]
    needs: ClassVar[Needs]

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise explain(error, type(self), where=f"of {type(self).__name__}") from None

    def settings(self) -> dict[str, Any]:
        """The validated settings in plain types, as they are logged."""
        return self.model_dump(mode="json")

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Estimate the effects of the panel's treatment on its outcome."""
        raise NotImplementedError(f"{type(self).__name__} does not define fit")
