"""What an estimator is: settings in the constructor, all work in fit, no state kept."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from evalkit.aggregate import Cells
from evalkit.data.dose import departure
from evalkit.data.panel import Panel
from evalkit.errors import DesignRefused, EstimationFailed, Reason
from evalkit.estimate import Estimate
from evalkit.study.validation import explain
from evalkit.uncertainty import Sampling
from evalkit.vocabulary import POOLED, FloatArray


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
        Treatment is 0 or 1 and, once on, stays on.
    cohort_cells
        True when the estimator reports effects by cohort and period, not only pooled ones.
    eligibility
        A 0/1 column among the covariates that says who could be treated, and cohorts that hold both kinds of units.
    repeated_cross_sections
        True when it also reads data in which each row is another person (:class:`~evalkit.data.panel.Panel`).
    counts
        The outcome is a count or rate, 0 or more, and effects are logs of ratios.
    comparison_units
        Units without the programme; False for estimators that read one series by itself.
    laws_without
        Laws of :mod:`evalkit.testing.check` that do not bind it; say why in a comment beside them.
    answers
        One sentence: the question that it answers.
    """

    answers: str
    never_treated: bool = False
    pre_periods: int = 1
    absorbing: bool = True
    cohort_cells: bool = True
    eligibility: bool = False
    repeated_cross_sections: bool = False
    counts: bool = False
    comparison_units: bool = True
    laws_without: frozenset[str] = frozenset()


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


def require_absorbing(estimator: Estimator, panel: Panel) -> None:
    """Refuse a dose that rises in part, falls or changes again, where the estimator needs treatment that stays on.

    Raises
    ------
    DesignRefused
        Naming the first unit and period where it does.
    """
    if panel.dose is None or not estimator.needs.absorbing:
        return
    found = departure(panel.dose)
    if found is not None:
        unit, period = found
        when = panel.calendar.text(int(panel.time[period]))
        raise DesignRefused(
            Reason(
                "{name} needs treatment that is on or off and stays on, but '{column}' is {value:g} for '{unit}' in "
                "{when}.",
                name=estimator.name,
                column=panel.names.dose,
                value=panel.dose[unit, period],
                unit=panel.units[unit],
                when=when,
            ),
            next_step="Use estimator=switching_did, which takes treatment that changes by any amount and back.",
        )


def refuse_cross_sections(estimator: Estimator, panel: Panel) -> None:
    """Refuse repeated cross-sections for an estimator that follows units over time.

    Raises
    ------
    DesignRefused
        With the estimators that read them.
    """
    if panel.cross_sections is not None and not estimator.needs.repeated_cross_sections:
        raise DesignRefused(
            Reason(
                "{name} follows units over time, and these data are repeated cross-sections: each row is another "
                "person, known by the group '{group}' and the period.",
                name=estimator.name,
                group=panel.names.group,
            ),
            allowed="estimators that compare groups: bayesian_did, callaway_santanna, two_way_fixed_effects",
            next_step="Choose one of them, or average the data by group and period and name the group as data.unit.",
        )


def refuse_one_cluster(n_clusters: int) -> None:
    """Refuse a sample without two clusters, where errors are those of clusters.

    Raises
    ------
    DesignRefused
        When all units lie in one cluster.
    """
    if n_clusters < 2:
        raise DesignRefused(
            Reason("All units lie in one cluster: standard errors need at least two."),
            next_step="Choose a finer data.cluster.",
        )


def without_reference(reference: int) -> DesignRefused:
    """The refusal of an event study whose reference nobody treated is observed at."""
    return DesignRefused(
        Reason(
            "No treated unit is observed at event time {reference}, the reference of the event study.",
            reference=reference,
        ),
        next_step="Lower the anticipation, or add periods before the start.",
    )


def one_untreated_period() -> DesignRefused:
    """The refusal of an event study in which periods and event times cannot be told apart."""
    return DesignRefused(
        Reason("All units become treated and have one untreated period only: the event study is not identified."),
        next_step="Add never-treated units or earlier periods.",
    )


def nothing_estimated(error: FloatingPointError | np.linalg.LinAlgError) -> EstimationFailed:
    """The failure of a model whose numbers came to nothing."""
    reason = Reason("a matrix cannot be inverted") if isinstance(error, np.linalg.LinAlgError) else Reason.of(error)
    return EstimationFailed(
        Reason("Nothing can be estimated: {reason}.", reason=reason),
        next_step="Check that the outcome column is the one meant.",
    )


class PanelEstimator(BaseModel):
    """Base of the built-in estimators: a frozen pydantic model whose errors people can read.

    ``fit`` of every subclass refuses what its `needs` do not declare: a dose that switches, repeated cross-sections.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)
    name: ClassVar[str]
    needs: ClassVar[Needs]

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise explain(error, type(self), where=f"of {type(self).__name__}") from None

    @classmethod
    def __pydantic_init_subclass__(cls, **arguments: Any) -> None:
        """Put the refusals in front of the subclass's own fit, so that no estimator can forget it."""
        super().__pydantic_init_subclass__(**arguments)
        own = cls.__dict__.get("fit")
        if own is None:
            return

        @functools.wraps(own)
        def fit(self: PanelEstimator, panel: Panel, *, rng: np.random.Generator) -> Estimate:
            refuse_cross_sections(self, panel)
            require_absorbing(self, panel)
            estimate: Estimate = own(self, panel, rng=rng)
            return estimate

        setattr(cls, "fit", fit)  # noqa: B010 (a method is assigned on purpose)

    def settings(self) -> dict[str, Any]:
        """The validated settings in plain types, as they are logged."""
        return self.model_dump(mode="json")

    def fit(self, panel: Panel, *, rng: np.random.Generator) -> Estimate:
        """Estimate the effects of the panel's treatment on its outcome."""
        raise NotImplementedError(f"{type(self).__name__} does not define fit")

    def one_effect(
        self, panel: Panel, effect: float, influence: FloatArray, *, observed: float, rng: np.random.Generator
    ) -> Estimate:
        """An estimate of one effect for all treated units and periods, with errors from its influence function.

        Parameters
        ----------
        panel
            What was fitted.
        effect
            The estimate, in units of the outcome.
        influence
            (N,) psi_i: how much each unit moves the estimate, so that its variance is the sum of psi_i^2; NaN for units
            that are not used. It is summed within clusters where the panel has any.
        observed
            Mean outcome of the treated under treatment, which the effect is told beside.
        rng
            As given to ``fit``; its state becomes the seed of later draws.

        Examples
        --------
        ``docs/adding-an-estimator.md`` writes an estimator with it.
        """
        used = ~np.isnan(influence)
        treated = used & ~panel.never_treated & ~panel.always_treated
        codes, clusters = np.unique(panel.cluster_codes[used], return_inverse=True)
        psi: FloatArray = np.zeros((len(codes), 1))
        np.add.at(psi[:, 0], clusters, influence[used])
        pooled = np.array([POOLED], dtype=np.int64)
        cells = Cells(
            cohort=pooled, period=pooled, event_time=pooled, estimate=np.array([effect]),
            observed=np.array([observed]), n_treated=np.array([treated.sum()], dtype=np.int64),
            is_reference=np.array([False]), share_cohorts=np.array([], dtype=np.int64), shares=np.array([]),
        )  # fmt: skip
        return Estimate(
            estimator=self.name,
            settings=self.settings(),
            cells=cells,
            uncertainty=Sampling(covariance=psi.T @ psi, n_clusters=len(codes), influence_of=lambda: psi),
            calendar=panel.calendar,
            n_units=int(used.sum()),
            n_treated_units=int(treated.sum()),
            n_observations=int(panel.observed[used].sum()),
            seed=int(rng.integers(2**31)),
        )
