"""The technical annex: sections of text and tables from which every number of the page can be checked."""

from __future__ import annotations

import json

import pandas as pd
import yaml

from evalkit.data.quality.phrases import PARTS
from evalkit.data.quality.report import PREFIX
from evalkit.evidence.schema import Evidence
from evalkit.evidence.values import Block, Quantity, Tagged
from evalkit.language import coded, mark, phrase, readable, say
from evalkit.report.annex_cost import cost_section
from evalkit.report.annex_outcomes import all_outcomes
from evalkit.report.annex_parts import Section, Table, cell, found, frame_table, rule_name
from evalkit.report.contents import Contents
from evalkit.report.page import FINDINGS, MEASURES
from evalkit.report.tables import PRIMARY

_MEASURES = {**dict(MEASURES), "total_averted": mark("Total avoided (positive: fewer)")}


def build_annex(contents: Contents) -> tuple[Section, ...]:
    """All sections, in reading order."""
    evidence = contents.evidence
    return (
        _question(evidence),
        _estimates(contents),
        _effect_sizes(evidence),
        *((all_outcomes(evidence),) if len(evidence.summary_of_findings) > 1 else ()),
        *((_groups(evidence),) if evidence.equity else ()),
        *((cost_section(evidence.cost),) if evidence.cost.ingredients else ()),
        *_data_quality(contents.diagnostics),
        _diagnostics(contents.diagnostics, evidence),
        _rating(evidence),
        _crosswalk(evidence),
        _sample(evidence),
        _limitations(evidence),
        _disclosure(contents),
        _provenance(contents),
        _settings(contents.study_yaml),
    )


def _tagged(name: str, value: Tagged[object]) -> tuple[str, str, str]:
    if value.value is None:
        return readable(name), f"– ({phrase(value.reason)})", coded(value.how)
    content = "; ".join(map(str, value.value)) if isinstance(value.value, tuple) else cell(value.value)
    return readable(name), coded(content), coded(value.how)


def _block_rows(block: Block) -> tuple[tuple[str, str, str], ...]:
    """Tagged fields of a block: name, value, how it came to be."""
    fields = ((name, getattr(block, name)) for name in type(block).model_fields)
    return tuple(_tagged(name, value) for name, value in fields if isinstance(value, Tagged))


def _block_table(caption: str, block: Block) -> Table:
    return Table(caption, ("Field", "Value", "How"), _block_rows(block))


def _question(evidence: Evidence) -> Section:
    blocks = {
        "Question": evidence.question,
        "Assignment": evidence.assignment,
        "Delivery": evidence.delivery,
        "Governance": evidence.governance,
        "Plan": evidence.plan,
    }
    tables = [_block_table(name, block) for name, block in blocks.items()]
    outcomes = tuple(
        (
            o.name,
            coded(o.role),
            coded(o.family),
            o.unit,
            readable(o.direction),
            coded(o.analysed_as),
            cell(o.mid.value.value),
            o.mid.unit.value or "–",
        )
        for o in evidence.outcomes
    )
    head = (
        "Outcome",
        "Role",
        "Family",
        "Unit",
        "Wanted",
        phrase("Analysed as"),
        phrase("Smallest change that matters"),
        phrase("Its unit"),
    )
    tables.insert(1, Table("Outcomes", head, outcomes, frozenset({6})))
    text = say("Status of the analysis plan: {status}.", status=readable(evidence.plan.status).lower())
    if evidence.plan.deviations:
        tables.append(_deviations(evidence))
    return Section(phrase("Question and design"), (text, evidence.plan.reading), tuple(tables))


def _deviations(evidence: Evidence) -> Table:
    head = ("Item", "Planned", "Actual", "Reason", phrase("Before outcomes were read"))
    rows = tuple(
        (d.item, d.planned, d.actual, d.reason.value or d.reason.reason, cell(d.before_data_were_seen.value))
        for d in evidence.plan.deviations
    )
    return Table(phrase("Departures from the plan"), head, rows)


def _estimates(contents: Contents) -> Section:
    estimates, evidence = contents.estimates, contents.evidence
    columns = ["label", "n_treated", "estimate", "std_error", "low", "high"]
    overall = estimates[estimates["aggregation"] == "overall"]
    tables = [
        frame_table(
            overall[["outcome", "run", "estimator", *columns[1:], "p_value", "inference", "reason"]],
            phrase("Overall, all estimators"),
        )
    ]
    replaced = overall[~overall["inference"].isin(["clustered", "credible"]) & overall["estimate"].notna()]
    if len(replaced):
        own = ["low_clustered", "high_clustered", "p_value_clustered"]
        tables.append(
            frame_table(replaced[["outcome", "run", "inference", *own]], phrase("The estimators' own intervals"))
        )
    primary = estimates[(estimates["role"] == PRIMARY) & estimates["estimate"].notna()]
    for kind, caption in (
        ("event_study", phrase("By event time")),
        ("cohort", phrase("By cohort")),
        ("period", phrase("By period")),
    ):
        rows = primary[primary["aggregation"] == kind]
        bands = ["low_simultaneous", "high_simultaneous"] if kind == "event_study" else []
        if len(rows):
            tables.append(frame_table(rows[[*columns, *bands]], say("{caption}, primary estimator", caption=caption)))
    first = evidence.estimates[0]
    text = (
        say(
            "Effects in the unit of the outcome as analysed ({analysed_as}); estimand {estimand}; "
            "overall weights: {weights}.",
            analysed_as=coded(evidence.outcomes[0].analysed_as),
            estimand=first.estimand,
            weights=first.weights,
        ),
        "" if first.inference is None else first.inference.reason,
        phrase("All aggregations of all estimators: estimates.csv."),
    )
    return Section("Estimates", text, tuple(tables))


def _quantity(value: Quantity) -> tuple[str, str, str, str]:
    if value.value is None:
        return "–", "–", "–", value.reason
    return cell(value.value), cell(value.low), cell(value.high), value.unit


def _effect_sizes(evidence: Evidence) -> Section:
    natural = [
        (
            phrase(name),
            *_quantity(block.effect),
            *_quantity(block.counterfactual)[:1],
            cell(block.observed.value),
            block.claim,
        )
        for name, block in ((_MEASURES[field], getattr(evidence.natural, field)) for field in _MEASURES)
    ]
    head = (
        "Measure",
        "Effect",
        "Low",
        "High",
        phrase("Unit (or why not)"),
        "Without",
        "Observed",
        phrase("What is compared"),
    )
    sizes = [
        (
            e.label,
            e.outcome,
            *(
                "" if x is None else cell(x.value)
                for x in (
                    e.p_value,
                    e.p_benefit,
                    e.p_mid,
                    e.p_within_mid,
                    e.p_worse_mid,
                    e.effect_size_g,
                    e.improvement_index,
                )
            ),
        )
        for e in evidence.estimates
    ]
    size_head = (
        "Estimate", "Outcome", "p", "p (benefit)", phrase("p (benefit that matters)"),
        phrase("p (too small to matter)"), phrase("p (harm that matters)"), "g", phrase("Improvement index"),
    )  # fmt: skip
    finding = evidence.finding
    text = say(
        "Finding: {findings}. {reading} Judged in: {judged_in}.",
        findings=FINDINGS[finding.label],
        reading=finding.reading,
        judged_in=finding.judged_in,
    )
    tables = (
        Table(phrase("Natural units"), head, tuple(natural), frozenset({1, 2, 3, 5, 6})),
        Table(phrase("Sizes and probabilities"), size_head, tuple(sizes), frozenset(range(2, 7))),
    )
    return Section(phrase("Natural units and effect sizes"), (text,), tables)


def _groups(evidence: Evidence) -> Section:
    """Effects by group, and the gap to the reference."""
    rows = []
    for block in evidence.equity:
        names = (f"{block.by}: {block.group}" if block.by else block.group, block.reference)
        shown = (block.effect, block.reference_effect, block.difference_of_effects, block.gap_before,
                 block.gap_counterfactual, block.gap_after)  # fmt: skip
        numbers = [_with_interval(quantity) for quantity in shown]
        reason = block.effect.reason or block.difference_of_effects.reason
        rows.append(
            (*names, cell(block.n.value), *numbers, cell(block.ratio.value), cell(block.score.value, 3), reason)
        )
    head = (
        "Group", "Reference", "Treated", "Effect", phrase("Effect on the reference"), phrase("Difference of effects"),
        phrase("Gap before"), phrase("Gap without"), phrase("Gap as seen"), "Ratio", "Score", phrase("Why not"),
    )  # fmt: skip
    text = phrase(
        "The difference of effects is what is tested; groups are never compared by which of them "
        "has an interval beyond 0. Scores from 1 to 100 follow the Equality Indicators method's "
        "anchor points (ratio 1, 2, 5, 10 or more: 100, 40, 20, 1), interpolated and therefore "
        "approximate; a change of score is a description, not an effect."
    )
    return Section("Groups", (text,), (Table(phrase("Effects and gaps by group"), head, tuple(rows)),))


def _with_interval(quantity: Quantity) -> str:
    if quantity.value is None:
        return "–"
    if quantity.level is None:
        return cell(quantity.value)
    return say(
        "{cell} ({cell_2} to {cell_3})",
        cell=cell(quantity.value),
        cell_2=cell(quantity.low),
        cell_3=cell(quantity.high),
    )


def _data_quality(diagnostics: pd.DataFrame) -> tuple[Section, ...]:
    """What was looked for in the data before anything was estimated; nothing where nobody looked."""
    of_data = diagnostics[diagnostics["id"].str.startswith(PREFIX)]
    if of_data.empty:
        return ()
    rows = of_data[["id", "status", "null_in_words", "statistic", "value", "threshold", "reading"]]
    named = rows.assign(id=[PARTS[each.removeprefix(PREFIX)] for each in rows["id"]])
    renamed = named.rename(columns={"id": phrase("looked at"), "null_in_words": phrase("taken for granted")})
    text = phrase("Looked at before anything was estimated. What fails counts in the rating, under measurement.")
    return (Section(phrase("Data quality"), (text,), (frame_table(renamed, phrase("The data, part by part")),)),)


def _diagnostics(diagnostics: pd.DataFrame, evidence: Evidence) -> Section:
    diagnostics = diagnostics[~diagnostics["id"].str.startswith(PREFIX)]
    rows = diagnostics[["id", "status", "null_in_words", "statistic", "value", "threshold", "reading", "details"]]
    renamed = rows.rename(columns={"id": "check", "null_in_words": phrase("taken for granted")})
    return Section(
        "Checks", evidence.sentences.checks, (frame_table(renamed, phrase("Each check and what it takes for granted")),)
    )


def _rating(evidence: Evidence) -> Section:
    rating = evidence.rating
    rows = tuple(
        (
            str(i), rule_name(step.rule), readable(step.state), step.trigger, found(step.value), found(step.threshold),
            cell(step.points) if step.state == "applied" else "–", cell(step.cap), cell(step.running), step.reason,
        )
        for i, step in enumerate(rating.trail, start=1)
    )  # fmt: skip
    head = ("Step", "Rule", "State", "Trigger", "Found", "Limit", "Points", "Cap", phrase("Certainty so far"), "Reason")
    text = (
        say("Certainty: {label}. Table: {table}.", label=phrase(rating.label), table=rating.table),
        phrase(
            "To recompute it, start at 4 and go down the list: a cap lowers the running certainty to "
            "the cap, points are added, the result is never below 1 (Very low); 2 is Low, 3 Moderate,"
            " 4 High. A gate that applies means: not rated."
        ),
    )
    return Section(
        phrase("How the certainty was reached"), text, (Table("Trail", head, rows, frozenset({4, 5, 6, 7, 8})),)
    )


def _crosswalk(evidence: Evidence) -> Section:
    walk = evidence.rating.crosswalk
    entries = (walk.sms, walk.wwc_style, walk.edgar_style, walk.nesta)
    risks = walk.robins_i.model_dump()
    return Section(
        phrase("Other scales"),
        (phrase("Self-assessed: no body has rated this study."),),
        (
            Table("Crosswalk", ("Scale", "Level", "Why"), tuple((e.label, e.level, e.reason) for e in entries)),
            Table(
                phrase("Risk of bias by domain (ROBINS-I-style, self-assessed)"),
                ("Domain", "Judgement"),
                tuple((readable(domain), coded(judgement)) for domain, judgement in risks.items()),
            ),
        ),
    )


def _sample(evidence: Evidence) -> Section:
    flow = tuple((readable(s.id), s.text, cell(s.treated), cell(s.comparison)) for s in evidence.sample.flow)
    tables = [_block_table("Sample", evidence.sample)]
    if flow:
        tables.append(
            Table(phrase("Exclusions and choices"), ("Step", "What", "Treated", "Comparison"), flow, frozenset({2, 3}))
        )
    return Section(phrase("Sample and remarks"), evidence.sentences.notes, tuple(tables))


def _limitations(evidence: Evidence) -> Section:
    rows = tuple((item.text, coded(item.how)) for item in evidence.use.limitations)
    return Section("Limitations", (), (Table(phrase("All limitations"), ("Limitation", phrase("How known")), rows),))


def _disclosure(contents: Contents) -> Section:
    return Section(
        phrase("Disclosure control"),
        (phrase("What was withheld to protect people, and by which rule."),),
        code=json.dumps(contents.disclosure, indent=2, ensure_ascii=False),
    )


def _settings(study_yaml: str) -> Section:
    """The resolved study without the rating table, which is long and named by its version above."""
    resolved = yaml.safe_load(study_yaml)
    if not isinstance(resolved, dict) or "evidence" not in resolved:
        return Section("Settings", (phrase("The study as resolved, defaults included."),), code=study_yaml)
    rest = {name: part for name, part in resolved.items() if name != "evidence"}
    text = phrase("The study as resolved, defaults included. The rating table (`evidence`) is in study.yaml.")
    return Section("Settings", (text,), code=yaml.safe_dump(rest, sort_keys=False, allow_unicode=True, width=100))


def _provenance(contents: Contents) -> Section:
    identity = contents.evidence.identity
    rows = [(readable(name), cell(value)) for name, value in identity.model_dump(mode="json").items()]
    rows += [(readable(name), _compact(value)) for name, value in contents.provenance.items()]
    return Section("Provenance", (), (Table(phrase("Where this run came from"), ("Item", "Value"), tuple(rows)),))


def _compact(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} {part}" for name, part in value.items() if part is not None)
    return cell(value)
