"""The sentences: read aloud here, and never allowed to contradict the numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.evidence.digits import significant_digits
from evalkit.evidence.lint import ForbiddenWording, lint, number_pattern
from evalkit.evidence.phrases import RULE_WORDS, SENTENCES
from evalkit.evidence.schema import Sentences
from evalkit.evidence.schema_rating import CertaintyLabel
from evalkit.evidence.speaking import Voice
from evalkit.evidence.standard import shipped
from evalkit.study.spec import StudySpec
from evalkit.vocabulary import Mechanism
from tests.unit.evidence import made

PROSE = shipped().prose
LOTTERY: dict[str, Any] = {"assignment": {"mechanism": "lottery", "unit": "city"}}
UNKNOWN: dict[str, Any] = {"assignment": {"mechanism": "unknown", "unit": "city"}}


def said(value: float, error: float = 0.1, *, draws: Any = None, observed: float = 18.0, spec: StudySpec | None = None,
         **more: Any) -> Sentences:  # fmt: skip
    return made.summary(made.estimate(value, error, draws=draws, observed=observed), spec, **more).sentences


def test_headline_of_a_rate_in_its_own_unit() -> None:
    assert said(-2.0, 0.5).headline == (
        "The street light programme probably reduces the rate of calls by about 2 calls per 1,000 residents "
        "(1 to 3, 95 % confidence interval), from about 20 to about 18."
    )


def test_headline_of_a_log_outcome_in_percent_with_levels() -> None:
    spec = made.spec({"transform": "log", "mid": None})
    assert said(0.08, 0.02, observed=float(np.log(5.1)), spec=spec).headline == (
        "The street light programme probably increases the rate of calls by about 8.3 % "
        "(4.2 to 13 %, 95 % confidence interval), from about 4.7 to about 5.1 calls per 1,000 residents."
    )


@pytest.mark.parametrize(
    ("changes", "diagnostics", "verb"),
    [
        (LOTTERY, None, "programme reduces"),
        ({}, None, "programme probably reduces"),
        ({}, [made.diagnostic("pre_trends", "fail", 0.01)], "programme may reduce"),
    ],
)
def test_the_verb_says_how_sure_one_may_be(changes: dict[str, Any], diagnostics: Any, verb: str) -> None:
    assert verb in said(-2.0, spec=made.spec(**changes), diagnostics=diagnostics).headline


def test_a_plural_programme_takes_a_plural_verb() -> None:
    spec = made.spec(programme="street lights in parks")
    assert said(-2.0, spec=spec).headline.startswith("Street lights in parks probably reduce the rate of calls")


def test_very_low_certainty_has_no_verb() -> None:
    assert said(-2.0, 0.5, spec=made.spec(**UNKNOWN)).headline == (
        "The evidence is very uncertain about the street light programme and the rate of calls: the level came out "
        "about 2 calls per 1,000 residents lower than the comparison suggests (1 to 3, 95 % confidence interval)."
    )


def test_an_interval_for_few_treated_that_holds_zero_leads_with_its_p_value() -> None:
    few = made.panel(starts={6: 3})
    fitted = made.reported(made.estimate(-2.0), "randomization", -5.0, 1.0, p_value=0.1851)
    found = made.summary(fitted, made.spec(**LOTTERY), data=few).sentences
    assert found.headline == (
        "We could not tell whether the street light programme changed the rate of calls: randomization p = 0.19; "
        "results fit anything from a fall of 5 to a rise of 1 call per 1,000 residents (95 % confidence interval)."
    )
    assert found.finding == "The finding is inconclusive: the results fit both a fall and a rise."
    assert found.inference == (
        "With 3 treated cities of 15 the usual interval is too narrow; this one asks what the same starts would have "
        "shown in other cities."
    )
    very_low = made.summary(fitted, made.spec(**UNKNOWN), data=few).sentences.headline
    assert very_low.startswith("The evidence on the street light programme and the rate of calls is very uncertain")


def test_an_interval_for_few_treated_that_excludes_zero_reads_as_any_other() -> None:
    fitted = made.reported(made.estimate(-2.0), "collapse", -3.0, -1.0, p_value=0.01)
    found = made.summary(fitted, data=made.panel(starts={6: 3})).sentences
    assert "(1 to 3, 95 % confidence interval)" in found.headline
    assert found.inference is not None
    assert found.inference.endswith("one number for each city (a t test with 13 degrees of freedom).")


def test_without_an_interval_to_rely_on_the_headline_gives_the_level_alone() -> None:
    few = made.panel(starts={6: 1}, never=1)
    fitted = made.reported(made.estimate(-2.0), "none", -3.0, -1.0)
    found = made.summary(fitted, data=few).sentences
    assert found.headline == (
        "The evidence on the street light programme and the rate of calls is very uncertain: with 1 of 2 cities "
        "treated no interval can be relied on. The level came out about 2 calls per 1,000 residents lower than the "
        "comparison suggests."
    )
    assert found.finding == "The finding is inconclusive: no interval can be relied on with so few cities."
    assert found.equivalence is None
    assert found.scale is None
    assert "no method gives an interval that can be relied on" in (found.inference or "")


def test_inconclusive_names_what_the_results_fit_and_what_matters() -> None:
    # From -1.2 to 0.2: it includes the wanted change of 1, so certainty falls to Low.
    assert said(-0.5, 0.36).headline == (
        "We could not tell whether the street light programme changed the rate of calls. Results fit anything from a "
        "fall of 1.2 to a rise of 0.21 calls per 1,000 residents (95 % confidence interval); a change of 1 call per "
        "1,000 residents matters to the city."
    )


def test_inconclusive_without_a_mid_says_that_none_was_declared() -> None:
    assert said(-0.5, 0.5, spec=made.spec({"mid": None})).headline.endswith(
        "the study does not say which change would matter."
    )


def test_little_or_no_difference_is_hedged_by_certainty() -> None:
    found = said(0.1, 0.2)
    assert found.headline == (
        "With the street light programme, any change in the rate of calls is probably smaller than 1 call per 1,000 "
        "residents, the smallest that matters to the city."
    )
    assert found.equivalence == "Any change is probably smaller than 1 call per 1,000 residents."


def test_a_bayesian_run_speaks_of_chances_in_100() -> None:
    checks = [*made.clean(), made.diagnostic("sampler", domain="estimation")]
    found = said(0.0, draws=made.posterior(-1.2, 0.5), diagnostics=checks)
    assert found.chance == (
        "Given the data and stated assumptions, there is about a 99 in 100 chance that the rate of calls came out "
        "lower than without the programme, and about a 66 in 100 chance that it came out lower by 1 call per 1,000 "
        "residents or more. There is about a 34 in 100 chance that the difference is smaller than that, either way."
    )
    assert "credible interval" in found.headline


def test_a_frequentist_run_has_no_chance() -> None:
    assert said(-2.0).chance is None


def test_scale_names_events_people_places_and_period() -> None:
    assert said(-2.0, 0.5).scale == (
        "About 420 fewer calls among 53,000 residents in the 12 treated cities from 2007 to 2010 (210 to 630)."
    )


@pytest.mark.parametrize(
    "unit", ["calls per 1,000 residents per month", "calls per 1,000 residents and year", "calls per 1,000 residents"]
)
def test_people_are_not_counted_per_month(unit: str) -> None:
    scale = said(-2.0, 0.5, spec=made.spec({"unit": unit})).scale
    assert scale is not None
    assert "among 53,000 residents in the 12 treated cities" in scale


def test_the_chance_of_a_change_that_matters_names_its_direction() -> None:
    """Most draws lie beyond the MID on the unwanted side, and must not read as if there were few."""
    chance = said(0.0, draws=made.posterior(1.5, 0.5)).chance
    assert chance is not None
    assert "a chance of less than 1 in 100 that it came out lower by 1 call per 1,000 residents or more." in chance
    assert chance.endswith("There is about a 16 in 100 chance that the difference is smaller than that, either way.")


@pytest.mark.parametrize(("direction", "shown"), [("lower_better", "18 %"), ("higher_better", "22 %")])
def test_a_distance_in_logs_is_another_percentage_down_than_up(direction: str, shown: str) -> None:
    mid = {"value": 0.2, "unit": "log points", "rationale": "r"}
    spec = made.spec({"transform": "log", "mid": mid, "direction": direction})
    checks = [made.diagnostic("pre_trends", detectable_at_80=0.001), made.diagnostic("sampler", domain="estimation")]
    found = said(0.0, draws=made.posterior(0.01, 0.01), observed=3.0, spec=spec, diagnostics=checks)
    assert found.chance is not None
    assert f"by {shown} or more" in found.chance
    assert found.equivalence == "Any change is probably smaller than 22 %."


def test_equivalence_says_no_more_than_the_headline_at_low_certainty() -> None:
    weak = [made.diagnostic("pre_trends", "fail", 0.01)]
    found = said(0.1, 0.2, diagnostics=weak)
    assert "may be smaller" in found.headline
    assert found.equivalence == "Any change may be smaller than 1 call per 1,000 residents."


def test_few_clusters_are_not_blamed_on_standard_errors_that_a_posterior_does_not_have() -> None:
    few = made.panel(starts={6: 3})
    assert "standard errors" not in said(0.0, draws=made.posterior(-2.0, 0.1), data=few).certainty
    assert "standard errors" in said(-2.0, data=few).certainty


def test_scale_says_more_where_there_were_more_and_nothing_where_one_cannot_tell() -> None:
    assert "more calls" in str(said(2.0, 0.5).scale)
    assert said(-0.5, 1.0).scale is None
    assert said(-2.0, spec=made.spec(**UNKNOWN)).scale is None


def test_levels_that_round_alike_are_given_once() -> None:
    assert "from a level of about 2,000." in said(-2.0, 0.1, observed=2000.0).headline


def test_proportions_are_said_in_percentage_points() -> None:
    spec = made.spec({"family": "proportion", "unit": "share", "per": 1.0, "mid": None})
    assert said(-0.03, 0.005, observed=0.12, spec=spec, data=made.panel(level=0.12)).headline == (
        "The street light programme probably reduces the rate of calls by about 3 percentage points "
        "(2 to 4, 95 % confidence interval), from about 15 % to about 12 %."
    )


def test_cost_is_said_alone_where_the_effect_is_not_certain() -> None:
    cost = {
        "currency": "USD",
        "base_year": 2024,
        "ingredients": [{"name": "lamps", "quantity": 1200, "unit_cost": 1000}],
    }
    assert "2,900 USD for each of the calls avoided" in str(said(-2.0, spec=made.spec(cost=cost)).cost)
    assert str(said(-0.5, 1.0, spec=made.spec(cost=cost)).cost).endswith("cost per outcome cannot be stated reliably.")
    assert said(-2.0).cost is None


def test_pre_trends_that_do_not_reject_are_no_proof() -> None:
    assert said(-2.0).checks[0] == (
        "No pre-trend detected; this design would detect one of 0.01 calls per 1,000 residents or more (as a bias of "
        "the estimate, with 80 % power)."
    )


def test_pre_trends_that_reject_are_said_plainly() -> None:
    found = said(-2.0, diagnostics=[made.diagnostic("pre_trends", "fail", 0.0004)]).checks[0]
    assert found == (
        "Before the start the treated cities already moved differently from the comparison group "
        "(joint test, p below 0.001)."
    )


def test_certainty_names_two_reasons_and_a_fix_that_would_help() -> None:
    found = said(-2.0, diagnostics=[made.diagnostic("pre_trends", "fail", 0.01)]).certainty
    assert found == (
        "Certainty is Low because trends already differed before the start, and because the programme was not "
        "assigned at random. It would rise if a comparison group with the same trend before the start were found."
    )


def test_high_certainty_needs_no_reason() -> None:
    assert said(-2.0, spec=made.spec(**LOTTERY)).certainty == (
        "Certainty is High: nothing in the rating table counted against it."
    )


def test_a_run_that_did_not_settle_has_no_result() -> None:
    fitted = made.estimate(0.0, draws=made.posterior(-2.0), sampler={"divergences": 3})
    evidence = made.summary(fitted)
    assert evidence.sentences.headline.startswith("There is no result to report")
    assert evidence.sentences.chance is None
    assert evidence.sentences.scale is None
    assert evidence.natural.absolute.effect.value is None
    assert "could be rated if" in evidence.sentences.certainty


def test_geometric_means_are_explained() -> None:
    spec = made.spec({"transform": "log", "mid": None})
    assert any("geometric means" in note for note in said(0.1, observed=3.0, spec=spec).notes)


def test_names_given_by_the_study_are_never_refused() -> None:
    spec = made.spec(programme="Proven chance: no effect 12345", **UNKNOWN)
    assert "Proven chance" in said(-2.0, spec=spec).headline


def test_readings_of_checks_pass_the_linter_too() -> None:
    bad = made.diagnostic("mine")
    bad = type(bad)(
        **{**{name: getattr(bad, name) for name in bad.__slots__}, "reading": "The p-value is significant."}
    )
    with pytest.raises(ForbiddenWording, match="significant"):
        said(-2.0, diagnostics=[*made.clean(), bad])


def test_every_clause_of_the_rating_could_be_said_at_any_certainty() -> None:
    for because, fix in RULE_WORDS.values():
        for clause in (because, fix):
            lint(clause.format(about="it"), PROSE, bayesian=False, very_low=True)


def test_every_template_is_a_sentence_that_the_linter_lets_pass() -> None:
    for key, template in SENTENCES.items():
        blanks = dict.fromkeys(re.findall(r"{(\w+)}", template), "it")
        lint(template.format(**blanks), PROSE, bayesian="chance" in key, digits=key not in ("chance_over",))


FALLS = ("reduces", "probably reduces", "may reduce", "lower than the comparison")
RISES = ("increases", "probably increases", "may increase", "higher than the comparison")
SIZES = st.floats(1e-4, 1e6, allow_nan=False)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    size=SIZES,
    sign=st.sampled_from([-1.0, 0.0, 1.0]),
    width=st.floats(1e-3, 10.0),
    level=st.floats(1e-3, 1e7),
    direction=st.sampled_from(["lower_better", "higher_better"]),
    family=st.sampled_from(["rate", "count", "continuous", "duration"]),
    log=st.booleans(),
    bayesian=st.booleans(),
    mechanism=st.sampled_from(get_args(Mechanism)),
    mid=st.one_of(st.none(), st.floats(1e-3, 1e5)),
    p=st.floats(0.0, 1.0),
)
def test_no_input_makes_a_forbidden_or_contradicting_sentence(
    size: float, sign: float, width: float, level: float, direction: str, family: str, log: bool, bayesian: bool,
    mechanism: str, mid: float | None, p: float,
) -> None:  # fmt: skip
    value = sign * (min(size, 3.0) if log else size)
    spread = max(abs(value), 0.01) * width
    spread = min(spread, 3.0) if log else spread
    unit = "calls" if family == "count" else "calls per 1,000 residents"
    spec = made.spec(
        {"family": family, "unit": unit, "transform": "log" if log else "identity", "direction": direction,
         "mid": None if mid is None else {"value": mid, "rationale": "r"}},
        assignment={"mechanism": mechanism, "unit": "city"},
    )  # fmt: skip
    draws = made.posterior(value, spread, count=400) if bayesian else None
    status = "fail" if p < 0.05 else "pass"
    checks = [made.diagnostic("pre_trends", status, p, detectable_at_80=abs(value) / 3 + 0.01)]  # type: ignore[arg-type]
    evidence = made.summary(
        made.estimate(value, spread, draws=draws, observed=float(np.log(level)) if log else level),
        spec,
        diagnostics=checks,
    )
    headline, words = evidence.sentences.headline, evidence.sentences.all()
    effect = evidence.estimates[0].effect
    assert effect.low is not None
    assert effect.high is not None
    falls, rises = any(verb in headline for verb in FALLS), any(verb in headline for verb in RISES)
    assert falls == (effect.high < 0.0)
    assert rises == (effect.low > 0.0)
    wanted = (falls and direction == "lower_better") or (rises and direction == "higher_better")
    assert (evidence.finding.label == "favourable") == wanted
    very_low = evidence.rating.label == "Very low"
    for sentence in words:
        neutral = sentence.replace(spec.programme, "it").replace(spec.primary_outcome.name, "it")
        neutral = re.sub(r"(from|to|in) 20\d\d|per 1,000 residents|100", "", neutral)
        lint(neutral, PROSE, bayesian=bayesian, very_low=very_low, digits=False)
        assert all(significant_digits(number.rstrip(",")) <= 2 for number in number_pattern().findall(neutral)), (
            sentence
        )
        assert not re.search(r"\bnan\b|\binf\b|None|{|}", neutral)
        assert sentence.endswith(".")


def test_there_is_no_verb_where_there_is_no_certainty() -> None:
    for label in get_args(CertaintyLabel)[-2:]:
        with pytest.raises(ValueError, match="no verb"):
            Voice(shipped(), label, bayesian=False).verb(True, "it")


def test_the_headline_of_a_dose_speaks_of_one_unit_of_it() -> None:
    data = made.panel()
    dosed = replace(data, dose=np.where(data.treated, 3.0, 0.0), names=replace(data.names, dose="beds"))
    found = made.summary(made.estimate(-2.0, observed=np.nan), data=dosed)
    assert "ach unit of beds (" in found.sentences.headline


def test_a_change_in_logs_without_a_level_is_told_in_percent_alone() -> None:
    spec = made.spec({"transform": "log", "mid": None})
    assert said(0.08, 0.02, observed=float("nan"), spec=spec).headline == (
        "The street light programme probably increases the rate of calls by about 8.3 % "
        "(4.2 to 13 %, 95 % confidence interval)."
    )


def test_a_p_value_below_the_smallest_told_is_told_as_below_it() -> None:
    fitted = made.reported(made.estimate(-2.0), "randomization", -5.0, 1.0, p_value=0.0004)
    assert "p below 0.001" in made.summary(fitted, made.spec()).sentences.headline


def test_an_interval_that_ends_at_0_ends_with_no_difference() -> None:
    fitted = made.reported(made.estimate(2.0), "collapse", 0.0, 4.0, p_value=0.05)
    assert "no difference to" in made.summary(fitted, made.spec()).sentences.headline


def test_scale_is_silent_without_a_name_of_the_events_and_speaks_of_one_place() -> None:
    assert said(-2.0, spec=made.spec({"event_name": ""})).scale is None
    fitted = made.reported(made.estimate(-2.0), "randomization", -3.0, -1.0, n_treated_clusters=1)
    alone = made.summary(fitted, made.spec(**LOTTERY), data=made.panel(starts={6: 1}))
    assert "the treated city" in str(alone.sentences.scale)


def test_pre_trends_of_unknown_power_are_said_to_prove_nothing() -> None:
    plain = said(-2.0, diagnostics=[made.diagnostic("pre_trends")]).checks[0]
    assert plain == SENTENCES["pre_trend_none_unknown"]
