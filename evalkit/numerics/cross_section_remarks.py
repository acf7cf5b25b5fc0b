"""What a reader must know about an estimate from repeated cross-sections, in words."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.language import phrase, say
from evalkit.numerics import sample_remarks
from evalkit.numerics.cross_section_regression import Persons
from evalkit.numerics.cross_section_two_way import TwoWay
from evalkit.vocabulary import Remark


def on_errors(n_clusters: int | None) -> list[Remark]:
    """What the errors leave out; no number of clusters where persons are independent."""
    if n_clusters is not None:
        return sample_remarks.few_clusters(n_clusters, sample_remarks.FEW_TREATED_CLUSTERS, 0)
    return [
        Remark(
            "errors_of_persons",
            phrase(
                "Errors treat persons as independent. A shock that all persons of a group share in a period is in none "
                "of them, and with few groups nothing in the data can tell it from an effect."
            ),
        )
    ]


def two_way_remarks(fit: TwoWay, persons: Persons, covariates: Sequence[str]) -> tuple[Remark, ...]:
    """Of two-way fixed effects by group and period."""
    found: list[Remark] = []
    if fit.forbidden_share > 0.0:
        found.append(
            Remark(
                "forbidden_comparisons",
                say(
                    "{forbidden_share:.0f} % of the weight of the two-way fixed-effects coefficient comes from "
                    "comparing groups with groups that were already treated; where effects differ or grow, that "
                    "biases it.",
                    forbidden_share=100 * fit.forbidden_share,
                ),
            )
        )
    if fit.anticipated:
        found.append(
            Remark(
                "anticipation_rows",
                say(
                    "{anticipated} rows in the anticipation periods are left out of the overall effect.",
                    anticipated=fit.anticipated,
                ),
            )
        )
    absorbed = [name for name, gone in zip(covariates, fit.absorbed, strict=True) if gone]
    found += sample_remarks.covariates_absorbed(absorbed)
    if fit.second_reference is not None:
        found.append(
            Remark(
                "second_reference",
                say(
                    "Without never-treated groups, event time {second_reference} is a second reference of the "
                    "event study.",
                    second_reference=fit.second_reference,
                ),
            )
        )
    return (*found, *on_errors(None if persons.cluster is None else persons.n_clusters))
