"""Every sentence template in one place, as whole sentences with named placeholders.

The English template is the key of its translation (docs/languages.md); no word stands inside code.
"""

from __future__ import annotations

from typing import Final

from evalkit.language import Phrases

_SENTENCES: Final = {
    # headlines: analysed as is
    "changed": "{Programme} {verb} {outcome} by about {size} {unit} ({lo} to {hi}, {interval}), {levels}.",
    "changed_without_levels": "{Programme} {verb} {outcome} by about {size} {unit} ({lo} to {hi}, {interval}).",
    # headlines: analysed in logs
    "changed_ratio": "{Programme} {verb} {outcome} by about {size} % ({lo} to {hi} %, {interval}), {levels} {unit}.",
    "changed_ratio_without_levels": "{Programme} {verb} {outcome} by about {size} % ({lo} to {hi} %, {interval}).",
    # headlines: no verb allowed
    "uncertain": (
        "The evidence is very uncertain about {programme} and {outcome}: the level came out about {size} {unit} "
        "{higher_or_lower} than the comparison suggests ({lo} to {hi}, {interval})."
    ),
    "uncertain_inconclusive": (
        "The evidence is very uncertain: we could not tell whether {outcome} would have been different without "
        "{programme}. Results fit anything from {lo} to {hi}{interval_in_brackets}; {what_matters}."
    ),
    "uncertain_little": (
        "The evidence is very uncertain about {programme} and {outcome}: the results lie within {mid} either way, "
        "the smallest difference that matters to the city."
    ),
    "inconclusive": (
        "We could not tell whether {programme} changed {outcome}. Results fit anything from {lo} to {hi}"
        "{interval_in_brackets}; {what_matters}."
    ),
    # headlines: an interval for few treated clusters holds 0, or there is none
    "inconclusive_few": (
        "We could not tell whether {programme} changed {outcome}: {p}; results fit anything from {lo} to {hi} "
        "({interval})."
    ),
    "uncertain_inconclusive_few": (
        "The evidence on {programme} and {outcome} is very uncertain: {p}; results fit anything from {lo} to {hi} "
        "({interval})."
    ),
    "no_interval": (
        "We could not tell whether {programme} changed {outcome}: with {treated} of {total} {clusters} treated no "
        "interval can be relied on. The level came out about {size} {unit} {higher_or_lower} than the comparison "
        "suggests."
    ),
    "uncertain_no_interval": (
        "The evidence on {programme} and {outcome} is very uncertain: with {treated} of {total} {clusters} treated no "
        "interval can be relied on. The level came out about {size} {unit} {higher_or_lower} than the comparison "
        "suggests."
    ),
    "no_interval_method": (
        "We could not tell whether {programme} changed {outcome}: this method has no interval that can be relied on. "
        "The level came out about {size} {unit} {higher_or_lower} than the comparison suggests."
    ),
    "uncertain_no_interval_method": (
        "The evidence on {programme} and {outcome} is very uncertain: this method has no interval that can be relied "
        "on. The level came out about {size} {unit} {higher_or_lower} than the comparison suggests."
    ),
    "little_High": (
        "With {programme}, any change in {outcome} is smaller than {mid}, the smallest that matters to the city."
    ),
    "little_Moderate": (
        "With {programme}, any change in {outcome} is probably smaller than {mid}, the smallest that matters to the "
        "city."
    ),
    "little_Low": (
        "With {programme}, any change in {outcome} may be smaller than {mid}, the smallest that matters to the city."
    ),
    "not_rated": "There is no result to report on {programme} and {outcome}: the computation did not settle. {reasons}",
    # parts of headlines
    "levels_apart": "from about {counterfactual} to about {observed}",
    "levels_close": "from a level of about {observed}",
    "fall": "a fall of {size} {unit}",
    "rise": "a rise of {size} {unit}",
    "fall_short": "a fall of {size}",
    "rise_short": "a rise of {size}",
    "no_difference": "no difference",
    "mid_matters": "a change of {mid} matters to the city",
    "mid_unknown": "the study does not say which change would matter",
    "interval_confidence": "{level} % confidence interval",
    "interval_credible": "{level} % credible interval",
    # which inference is reported, and why
    "inference_credible": "The interval is that of the posterior.",
    "inference_clustered": (
        "The interval is the estimator's own: {treated} of {total} {clusters} are treated, enough for it."
    ),
    "inference_clustered_few": (
        "The interval is the estimator's own, which is too narrow with {treated} treated {treated_clusters} of "
        "{total}: another would take too long for a cross-check."
    ),
    "inference_none": (
        "With {treated} treated {treated_clusters} of {total} no method gives an interval that can be relied on; the "
        "estimator's own counts only part of the uncertainty."
    ),
    "inference_none_method": (
        "This method has no interval that can be relied on: in simulations its own held the truth much less often than "
        "it said. Another method has to say how certain the effect is."
    ),
    "inference_few": "With {treated} treated {treated_clusters} of {total} the usual interval is too narrow;",
    "inference_asked": "The study asks for another interval than the usual one;",
    "inference_randomization_one": (
        "this one compares {who} with every other {cluster} (placebo p: the share of {clusters} with as large a "
        "change)."
    ),
    "inference_randomization": "this one asks what the same starts would have shown in other {clusters}.",
    "inference_collapse": (
        "this one rests on one number for each {cluster} (a t test with {degrees} degrees of freedom)."
    ),
    "inference_conley_taber": "this one takes the errors of the treated from those of the never-treated {clusters}.",
    "inference_ferman_pinto": (
        "this one takes the errors of the treated from those of the never-treated {clusters}, scaled to their size."
    ),
    "inference_wild_bootstrap": "this one compares the t statistic with its own bootstrap.",
    "inference_cr3": ("this one leaves out one {cluster} at a time (a t test with {degrees} degrees of freedom)."),
    "inference_placebo_in_space": (
        "The interval comes from giving the same start to each {cluster} without the programme and looking at how "
        "large an effect the method then finds."
    ),
    "inference_conformal": (
        "The interval holds every effect that, once taken away, leaves the periods after the start looking like those "
        "before."
    ),
    "inference_jackknife": "The interval is from leaving out one {cluster} at a time.",
    "inference_placebo_variance": (
        "The interval takes its width from the spread of the effects found in {clusters} without the programme."
    ),
    "inference_bootstrap": "The interval is from drawing {clusters} anew many times.",
    "inference_hac": "The interval allows for errors that carry over from one period to the next.",
    # the finding, as an axis of its own
    "finding_favourable": (
        "The finding is favourable: {outcome} came out {higher_or_lower}, the direction the city wants."
    ),
    "finding_unfavourable": (
        "The finding is unfavourable: {outcome} came out {higher_or_lower}, against the direction the city wants."
    ),
    "finding_little_or_no_difference": "The finding is little or no difference.",
    "finding_inconclusive": "The finding is inconclusive: the results fit both a fall and a rise.",
    "finding_no_interval": "The finding is inconclusive: no interval can be relied on with so few {clusters}.",
    "finding_no_interval_method": "The finding is inconclusive: this method has no interval that can be relied on.",
    "finding_not_rated": "There is no finding: this run is not rated.",
    # further sentences
    "equivalence": "Any change is probably smaller than {mid}.",
    "equivalence_Low": "Any change may be smaller than {mid}.",
    "equivalence_uncertain": "The whole interval is smaller than {mid}, but the evidence is very uncertain.",
    "chance": (
        "Given the data and stated assumptions, there is {chance} that {outcome} came out {better} than without the "
        "programme."
    ),
    "chance_with_mid": (
        "Given the data and stated assumptions, there is {chance} that {outcome} came out {better} than without the "
        "programme, and {chance_of_mid} that it came out {better} by {mid} or more. There is {chance_of_little} that "
        "the difference is smaller than that, either way."
    ),
    "chance_a": "about a {n} in 100 chance",
    "chance_an": "about an {n} in 100 chance",
    "chance_over": "a chance of more than 99 in 100",
    "chance_under": "a chance of less than 1 in 100",
    "scale": "About {size} {fewer_or_more} {events} in {places} {period} ({lo} to {hi}).",
    "scale_people": (
        "About {size} {fewer_or_more} {events} among {people} {people_word} in {places} {period} ({lo} to {hi})."
    ),
    "cost": "The programme cost about {amount} {currency} (prices of {base_year}).",
    "cost_each_fewer": (
        "The programme cost about {amount} {currency} (prices of {base_year}): about {each} {currency} for each of the "
        "{events} avoided ({lo} to {hi})."
    ),
    "cost_each_more": (
        "The programme cost about {amount} {currency} (prices of {base_year}): about {each} {currency} for each of the "
        "additional {events} ({lo} to {hi})."
    ),
    "cost_each_person": (
        "The programme cost about {amount} {currency} (prices of {base_year}): about {each} {currency} for each person "
        "whose outcome came out as the city wants instead of otherwise ({lo} to {hi})."
    ),
    "cost_unreliable": (
        "The programme cost about {amount} {currency} (prices of {base_year}); cost per outcome cannot be stated "
        "reliably."
    ),
    "cost_effective_chance": (
        "Given the data and stated assumptions, there is {chance} that one costs {limit} {currency} or less, the most "
        "that the study says it may."
    ),
    "cost_effective_draws": (
        "One costs {limit} {currency} or less, the most that the study says it may, in {draws} draws from what the "
        "interval leaves open."
    ),
    "draws_about": "about {n} of 100",
    "draws_over": "more than 99 of 100",
    "draws_under": "less than 1 of 100",
    "equity_gap": (
        "The gap in {outcome} between {first} and {second} would have been {without} {unit}; it was {now} {unit}."
    ),
    "equity_unclear": (
        "Whether the programme did more for {first} or for {second} cannot be told: a difference of anything from "
        "{low} to {high} {unit} fits."
    ),
    "equity_narrower": (
        "Effects on {first} and {second} differ by {size} {unit} ({low} to {high}), and the gap came out narrower."
    ),
    "equity_wider": (
        "Effects on {first} and {second} differ by {size} {unit} ({low} to {high}), and the gap came out wider."
    ),
    # the summary of findings: further outcomes
    "outcome_among_many": (
        "By itself, {outcome} came out about {size} {unit} {higher_or_lower} than without {programme} ({lo} to {hi}, "
        "{interval}); among the {count} outcomes counted together ({p}) that may be luck, so we could not tell."
    ),
    "outcome_refused": "There is no result on {outcome}: {reason}.",
    "placebo_holds": (
        "A check of the method: {programme} should not move {outcome}, and a difference of 0 fits (results fit "
        "anything from {lo} to {hi}, {interval})."
    ),
    "placebo_moved": (
        "A check of the method that fails: {programme} should not move {outcome}, yet a difference of 0 does not fit "
        "(results fit anything from {lo} to {hi}, {interval})."
    ),
    "placebo_unknown": "Nothing can be said on {outcome}, which {programme} should not move.",
    "p_adjusted": "adjusted p = {p}",
    "short_changed": "{verb} it",
    "short_uncertain": "Very uncertain",
    "short_inconclusive": "Could not tell",
    "short_among_many": "Could not tell, among so many outcomes",
    "short_little_High": "Little or no difference",
    "short_little_Moderate": "Probably little or no difference",
    "short_little_Low": "May be little or no difference",
    "short_placebo_holds": "Check passes",
    "short_placebo_moved": "Check fails",
    "short_not_rated": "Not rated",
    "short_refused": "No result",
    # certainty
    "certainty_plain": "Certainty is {label}: nothing in the rating table counted against it.",
    "certainty_one": "Certainty is {label} because {first}. It would rise if {fix}.",
    "certainty_two": "Certainty is {label} because {first}, and because {second}. It would rise if {fix}.",
    "certainty_one_no_fix": "Certainty is {label} because {first}.",
    "certainty_two_no_fix": "Certainty is {label} because {first}, and because {second}.",
    "certainty_not_rated": "Certainty is not rated because {first}. It could be rated if {fix}.",
    "fix_both": "{first}, and {second}",
    # checks
    "pre_trend_none": (
        "No pre-trend detected; this design would detect one of {size} {unit} or more (as a bias of the estimate, with "
        "80 % power)."
    ),
    "pre_trend_none_unknown": "No pre-trend detected; what this design would have detected is not known.",
    "pre_trend_found": (
        "Before the start the treated {units} already moved differently from the comparison group (joint test, {p})."
    ),
    "pre_trend_found_bayesian": (
        "Before the start the treated {units} already moved differently from the comparison group "
        "(share of the posterior further out: {p})."
    ),
    "p_value": "p = {p}",
    "p_placebo": "placebo p = {p}",
    "p_randomization": "randomization p = {p}",
    "p_below": "p below {p}",
    # notes
    "note_geometric": (
        "Levels are geometric means: typical values, on which a few very large {units} weigh less than in an average."
    ),
    "note_untranslated": "These words of the study have no translation and stand as declared: {listed}.",
    "note_small": "The whole interval is smaller than {mid}, the smallest change that matters to the city.",
    # limitations that the run itself finds
    "limit_few_clusters": (
        "{treated} of {total} clusters are treated: cluster-robust standard errors tend to be too small with so few, "
        "so the interval may be too narrow"
    ),
    "limit_few_groups": (
        "{treated} of {total} groups are treated, and errors are those of persons: a shock that a whole group shares "
        "is not in them, so the interval may be too narrow"
    ),
    "limit_no_earlier_period": (
        "There is one period before the start: whether the treated and the others moved alike before it cannot be "
        "checked"
    ),
    "limit_few_events": "The observed level of the treated {why}",
    "limit_interval_not_supported": (
        "The interval excludes 0, but {test}, which does not need many treated clusters ({treated} of {total} here), "
        "gives p = {p}: the two disagree"
    ),
    "limit_no_plan": "No analysis plan was locked before the outcomes were seen: treat the result as exploratory",
}
SENTENCES: Final = Phrases(_SENTENCES)

_RULE_WORDS: Final = {
    # rule: (because ..., it would rise if ...)
    "sampler_gate/short": (
        "the sampler did not settle",
        "the model were run again with more draws (the estimator's settings draws and tune, or walkers and "
        "most_snapshots)",
    ),
    "sampler_gate/diverged": (
        "the sampler broke down in a part of the posterior",
        "the model were run again with smaller steps (the estimator's setting target_accept, nearer to 1), with more "
        "warm-up, or with firmer priors",
    ),
    "cap_no_comparison/unknown": (
        "it is unknown how the programme was assigned",
        "the study said how the programme was assigned",
    ),
    "cap_no_comparison/alone": ("there is no comparison group", "places without the programme were followed as well"),
    "cap_time_series": ("there is no comparison group", "places without the programme were followed as well"),
    "cap_not_randomized": (
        "the programme was not assigned at random",
        "places were chosen by lottery or the order of the roll-out were drawn at random",
    ),
    "cap_single_unit": (
        "the comparison rests on a single place",
        "more places were treated and compared",
    ),
    "cap_single_unit/groups": (
        "a single group got the programme or a single one is there to compare with",
        "more groups were treated and compared",
    ),
    "few_pre_periods": ("there are too few periods before the start", "earlier periods were added"),
    "short_series": ("the series is too short on one side of the start", "more periods were observed"),
    "pre_trends/found": (
        "trends already differed before the start",
        "a comparison group with the same trend before the start were found",
    ),
    "pre_trends/weak": (
        "differing trends before the start could have gone unseen",
        "more places, or more periods before the start, were observed",
    ),
    "pre_fit": (
        "the comparison does not follow the treated closely before the start",
        "places more like the treated were among those that they are compared with",
    ),
    "honest": (
        "a small departure from parallel trends would overturn the result",
        "the comparison group followed the treated more closely before the start",
    ),
    "baseline": (
        "the groups differed at the outset",
        "the estimate were adjusted for those differences or compared more similar places",
    ),
    "regression_to_the_mean": (
        "places were selected after a bad year, so a return to normal looks like a result",
        "periods before the selection served as the reference",
    ),
    "concurrent_event": (
        "something else reached the treated at the same time",
        "places that had the other event alone were compared",
    ),
    "attrition": ("too many data are missing", "the missing data were collected"),
    "spillover": ("neighbouring comparison places may be affected", "comparison places lay further away"),
    "measurement_change": (
        "the outcome was defined anew near the start",
        "the outcome were counted by one definition throughout",
    ),
    "measurement_change/data_definition_changes": (
        "the mix of records shifted next to the start, also where nobody was treated",
        "records of the same kinds were counted throughout",
    ),
    "measurement_change/data_bulk_closures": (
        "many records were closed in bulk, so that times to close tell of the filing",
        "the true dates of closing were known",
    ),
    "measurement_change/data_reporting_lag": (
        "records of the last periods were still to come on the day of the extract",
        "a later extract were used, or the last periods were left out",
    ),
    "measurement_change/data_unmatched": (
        "too many records could not be placed in a unit",
        "the missing places were found",
    ),
    "measurement_change/data_dates": (
        "too many records had no usable date or value",
        "the dates and values were mended at their source",
    ),
    "few_clusters": (
        "too few places or clusters were treated for these standard errors",
        "randomization inference or a wild bootstrap were used, or more places were treated",
    ),
    "few_clusters/groups": (
        "too few groups were treated to tell an effect from a shock that a whole group shared",
        "more groups were treated and compared",
    ),
    "few_clusters/bayesian": ("too few places or clusters were treated", "more places were treated"),
    "imprecision": (
        "the interval is too wide to tell a difference that matters from none",
        "more places or periods were observed",
    ),
    "disagreement": ("the cohorts disagree, even in sign", "the reasons for the difference between cohorts were known"),
    "indirectness": (
        "the outcome is a proxy or was followed too briefly",
        "the outcome itself were followed for longer",
    ),
    "reporting": (
        "the result depends on choices made after the data were seen",
        "the analysis were fixed before the data are seen",
    ),
    "prior": ("another reasonable prior gives another finding", "more data were collected"),
    "posterior_predictive": ("the model does not reproduce the data", "the model fitted the data"),
    "required_diagnostic": ("the required check '{about}' did not run", "the check '{about}' were run"),
    "failed_check": (
        "the check '{about}' fails",
        "the check '{about}' passed with better data or a better comparison group",
    ),
}
RULE_WORDS: Final = Phrases(_RULE_WORDS)
"""Why a rule counted, and what would lift it: clauses inside the certainty sentence, by rule or rule/variant."""

_WORDS: Final = {
    "higher": "higher",
    "lower": "lower",
    "fewer": "fewer",
    "more": "more",
    "million": "million",
    "billion": "billion",
    "percentage_points": "percentage points",
    "below": "below {limit}",
    "cluster": "cluster",
    "clusters": "clusters",
    "group": "group",
    "groups": "groups",
    "few": "few",
    "fewer_than": "fewer than {limit}",
    "or_more": "{limit} or more",
    "label_Very low": "Very low",
    "label_Low": "Low",
    "label_Moderate": "Moderate",
    "label_High": "High",
    "label_Not rated": "Not rated",
    "from_to": "from {first} to {last}",
    "in": "in {first}",
    "each_unit": "each unit of {dose} ({programme})",
    "treated_places": "the {count} treated {units}",
    "treated_place": "the treated {unit}",
    "treated_places_withheld": "the treated {units}",
    "flow_withheld": "Withheld: the numbers of this check would tell of fewer people than may be told.",
    "attrition_withheld": "The numbers on attrition are withheld, as they would tell of few people.",
    "missing_withheld": "Too many data are missing; how many is withheld, as it would tell of few people.",
}
WORDS: Final = Phrases(_WORDS)


def interval_named(kind: str, level: float) -> str:
    """An interval by its kind and level.

    Examples
    --------
    >>> interval_named("confidence", 0.95)
    '95 % confidence interval'
    """
    return SENTENCES.say(f"interval_{kind}", level=f"{100 * level:g}")
