"""What a reader of a `bayesian_did` estimate must know, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from evalkit.language import Phrases, mark, say
from evalkit.language.nouns import quoted
from evalkit.vocabulary import BoolArray, IntArray, Remark

LOG_LINK: Final = Remark("log_link", mark("Effects are log rate ratios: exp(effect) multiplies the expected count."))
PRIOR_ONLY: Final = Remark("prior_only", mark("The outcome was ignored: these draws show what the priors imply."))


SHARES: Final = Remark(
    "percentage_points",
    mark(
        "Effects are differences in percentage points, averaged over the treated: the share expected with the "
        "programme less that expected without it. Successes are taken as independent given levels and periods; where "
        "places have good and bad years of their own, intervals are too narrow."
    ),
)
SITES: Final = Remark(
    "sites_pooled",
    mark(
        "Each treated unit has an effect of its own, pulled towards that of all by as much as the data ask for. Read a "
        "single unit's effect with its interval: the ranking of units is far less certain than their average."
    ),
)
PERSONS: Final = Remark(
    "persons_summed",
    mark(
        "Rows were summed by group and period: means, counts and the spread within hold all that this model needs. "
        "Shocks that all persons of a group share in a period count as error."
    ),
)


def no_clean_period(units: BoolArray) -> Remark | None:
    """Units without a period before treatment, (N,) True where so."""
    count = int(units.sum())
    if count == 0:
        return None
    return Remark(
        "always_treated_excluded",
        say("{count} units have no period before treatment (anticipation included) and were left out.", count=count),
        treated=count,
    )


def no_comparison(labels: Iterable[object]) -> Remark | None:
    """Periods in which nobody is untreated, by label."""
    named = list(labels)
    if not named:
        return None
    return Remark(
        "periods_without_comparison",
        say(
            "In {named} no unit is untreated: nothing there tells an effect from a change that all units "
            "share, and these periods were left out.",
            named=quoted(named),
        ),
    )


def missing_covariates(rows: int) -> Remark | None:
    """Rows left out because a covariate is missing."""
    return (
        Remark("missing_covariates", say("{rows} rows with a missing covariate were left out.", rows=rows))
        if rows
        else None
    )


def constant_covariates(names: Sequence[str]) -> Remark | None:
    """Covariates that the unit effects take in."""
    if not names:
        return None
    return Remark(
        "constant_covariates",
        say(
            "{names} does not vary within units and periods: their effects take it in."
            if len(names) == 1
            else "{names} do not vary within units and periods: their effects take it in.",
            names=quoted(names),
        ),
    )


def errors_within_units(autoregressive: bool, unit: str = "unit") -> Remark:
    """What the model takes errors of one unit (or group) to be."""
    return Remark("errors_within_units", WITHIN[f"{'runs' if autoregressive else 'independent'} {unit}"])


_WITHIN: Final = {
    "runs unit": "Errors of a unit follow a first-order autoregression whose strength is estimated from the data.",
    "runs group": "Errors of a group follow a first-order autoregression whose strength is estimated from the data.",
    "independent unit": (
        "Errors are independent within units given unit and period effects. Where a unit's bad years come in runs, "
        "intervals are too narrow."
    ),
    "independent group": (
        "Errors are independent within groups given group and period effects. Where a group's bad years come in runs, "
        "intervals are too narrow."
    ),
}
WITHIN: Final = Phrases(_WITHIN)


def known_errors(column: str) -> Remark:
    """Outcomes are survey estimates."""
    return Remark(
        "known_standard_errors",
        say(
            "Outcomes are estimates with the standard errors in '{column}': their noise is counted on top"
            " of the errors of the model, and noisy outcomes weigh less.",
            column=column,
        ),
    )


def clusters_above_units(cluster: IntArray | None, n_units: int) -> Remark | None:
    """Clusters that hold several units, which the model does not know."""
    if cluster is None:
        return None
    count = len(np.unique(cluster))
    if count == n_units:
        return None
    return Remark(
        "clusters_above_units",
        say(
            "The panel names {count} clusters of {n_units} units. This model knows no shocks that units "
            "of a cluster share; where there are such shocks its intervals are too narrow.",
            count=count,
            n_units=n_units,
        ),
    )


def leads_apart(count: int) -> Remark | None:
    """How cells before treatment were estimated."""
    if count == 0:
        return None
    return Remark(
        "leads_from_untreated_rows",
        say(
            "The {count} cells before treatment come from a separate fit to untreated rows, without "
            "pooling. Each is measured from its cohort's average over the untreated periods, so no period"
            " is the reference.",
            count=count,
        ),
    )
