"""Every sentence template of indicators in one place, as whole sentences with named placeholders."""

from __future__ import annotations

from typing import Final

from evalkit.language import Phrases

_SENTENCES: Final = {
    # where it stands
    "headline": (
        "{title}: {latest} {unit} in {latest_window}, from {baseline} in the baseline ({baseline_window}); the target "
        "is {target} by {date}."
    ),
    "headline_no_latest": (
        "{title}: no data in {latest_window}; the baseline is {baseline} {unit} ({baseline_window}), the target "
        "{target} by {date}."
    ),
    "reached": "The target was reached: {latest} {unit} in {latest_window}, against {target}.",
    "missed": "The target was missed: {latest} {unit} in {latest_window}, against {target}.",
    "unknown": "Whether the target was reached cannot be told: periods up to {date} have no data.",
    # where it goes
    "chance": "Given the data, and if things go on as they have, there is {chance} that the target is reached.",
    "forecast": (
        "{target_window} would then come out at about {middle} {unit} ({low} to {high}, {level} % prediction interval)."
    ),
    "no_forecast": "There is no forecast. {reason}",
    "chance_a": "about a {n} in 100 chance",
    "chance_an": "about an {n} in 100 chance",
    "chance_over": "a chance of more than 99 in 100",
    "chance_under": "a chance of less than 1 in 100",
    # pace
    "pace_ahead": "It has gone {way} % of the way to the target in {time} % of the time: faster than a straight line.",
    "pace_behind": "It has gone {way} % of the way to the target in {time} % of the time: slower than a straight line.",
    "pace_back": "It has moved away from the target, with {time} % of the time gone.",
    "pace_there": "It is at the target or beyond it now, with {time} % of the time gone.",
    "pace_none": "The target is no better than the baseline: it is a line to hold, not a way to go.",
    # the chart
    "signal_good": "The chart speaks of a special cause, the way the city wants: {pattern}.",
    "signal_bad": "The chart speaks of a special cause, against the way the city wants: {pattern}.",
    "signal_none": "The last {count} periods show no special cause: they vary as the baseline did.",
    "beyond_limits": "{period} lies outside the limits",
    "two_of_three": "two of the three periods up to {period} lie far on one side of the centre line",
    "run_of_eight": "eight periods in a row up to {period}, or more, lie on one side of the centre line",
    "trend_of_six": "six periods in a row up to {period}, or more, go the same way",
    "rules": (
        "A steady process trips these rules about once in {periods} periods: look for a reason before acting on a "
        "signal."
    ),
    "rules_unknown": "Each further rule adds false alarms: look for a reason before acting on a signal.",
    "banner": "On target is not the same as caused by the programme.",
    "banner_why": (
        "A series shows where things stand, not why. What a programme changed takes a comparison: an evaluation of its "
        "own."
    ),
    # charts by name
    "chart_XmR": "Individuals and moving range chart (XmR)",
    "chart_u": "Chart of counts per exposure (u)",
    "chart_c": "Chart of counts (c)",
    "chart_p": "Chart of shares (p)",
    "chart_u'": "Chart of counts with limits widened for the variation seen (Laney's u')",
    "chart_c'": "Chart of counts with limits widened for the variation seen (Laney's c')",
    "chart_p'": "Chart of shares with limits widened for the variation seen (Laney's p')",
    # what a reader must know
    "remark_provisional": "The baseline has {count} periods: with fewer than 20 the limits are provisional.",
    "remark_unsteady": (
        "The baseline itself shows special causes ({count} periods): its mean and limits mix different conditions."
    ),
    "remark_neighbours": (
        "Neighbouring periods resemble each other (correlation {correlation}): patterns then come more often than the "
        "rules allow for, and single signals say little."
    ),
    "remark_widened": (
        "Counts vary more than chance alone would have it ({factor} times as widely): the limits allow for that."
    ),
    "remark_few_events": (
        "A period of the baseline has {count} events on average: with fewer than 5 the limits are rough, and longer "
        "periods would say more."
    ),
    "remark_season": "A season of {length} periods, as in the baseline, is taken out of the chart.",
    "remark_gaps": "{count} periods after the baseline have no data and are not filled in.",
    "remark_declared": (
        "The baseline is the declared {declared} {unit}; the mean of its periods is {mean}. Limits are around the mean."
    ),
    "remark_far": (
        "The target is {ahead} periods after the last data, and there are {observed} in all: the forecast rests on "
        "little."
    ),
    "remark_untranslated": "These words have no translation and stand as declared: {listed}.",
    # why nothing is foretold
    "date_passed": "The target's date has passed.",
    "date_without_data": "Periods up to the target's date have no data.",
    "not_foretold": "Nothing can be foretold: {reason}.",
}
SENTENCES: Final = Phrases(_SENTENCES)

_SHORT: Final = {
    "in_100": "{n} in 100",
    "under_1": "under 1 in 100",
    "over_99": "over 99 in 100",
    "reached": "Reached",
    "missed": "Missed",
    "unknown": "Cannot be told",
}
SHORT: Final = Phrases(_SHORT)
"""Words that the portfolio shows too."""
_HEADINGS: Final = {
    **_SHORT,
    "kicker": "Performance indicator",
    "now": "Now",
    "target": "Target",
    "outlook": "Outlook",
    "owner": "Owner",
    "stands": "Where it stands",
    "goes": "Where it goes",
    "chart": "Signals",
    "know": "What to know",
    "how": "How it is measured",
    "data": "Data",
    "by": "by {date}",
    "from": "from {baseline} in the baseline",
    "span": "{start} to {end}",
    "no_outlook": "No forecast",
    "over": "judged over {window}",
    "interval": "about {value} ({low} to {high}, {level} % prediction interval)",
    "centre": "Centre line: the mean of the baseline, {centre} {unit}. Limits lie three sigmas from it.",
    "rule_beyond_limits": "Counted as a special cause: one period outside the limits.",
    "rule_two_of_three": (
        "Counted as a special cause: two of three periods more than two sigmas from the centre line, on one side."
    ),
    "rule_run_of_eight": "Counted as a special cause: eight periods in a row on one side of the centre line.",
    "rule_trend_of_six": "Counted as a special cause: six periods in a row that go on rising or falling.",
    "name_beyond_limits": "outside the limits",
    "name_two_of_three": "two of three beyond two sigmas",
    "name_run_of_eight": "eight in a row on one side",
    "name_trend_of_six": "six in a row the same way",
    "dispersion": (
        "Variation of the baseline against what the law of such counts allows: {factor} times as wide (sigma z), "
        "p = {p} for no more than that."
    ),
    "signals": "Special causes",
    "period": "Period",
    "rule": "Pattern",
    "side": "Side",
    "way": "Way",
    "side_high": "above",
    "side_low": "below",
    "wanted": "wanted",
    "unwanted": "unwanted",
    "numbers": "The numbers in this picture",
    "annex": "Technical annex",
    "provenance": "Where this comes from",
    "run": "Run {run} of {created} UTC.",
    "software": "evalkit {version}, commit {commit}.",
    "fingerprint": "Data: {rows} rows, fingerprint {data}.",
    "restricted": "withheld (restricted source)",
    "gate": "Disclosure gate: {reason}; counts below {least} people are not shown.",
    "chance_beneath": "chance of reaching the target, if things go on as they have",
}
HEADINGS: Final = Phrases(_HEADINGS)

_EQUALITY: Final = {
    "headline": (
        "{city} scores about {score} of 100 for equality in {year} ({low} to {high}), {change} since {baseline}."
    ),
    "headline_withheld": "Groups are too small for a score of {city} to be shown.",
    "up": "{points} points up",
    "down": "{points} points down",
    "level": "as before",
    "change_told": "The change since {baseline} is {change} points ({low} to {high}).",
    "change_unclear": (
        "Whether the score changed since {baseline} cannot be told: anything from {low} to {high} points fits."
    ),
    "path": (
        "The target is {target} by {date}: that takes {needed} points a year from now on; so far it was {so_far} a "
        "year ({low} to {high})."
    ),
    "path_ahead": "At the pace so far the score would be about {ahead} in {date} ({low} to {high}).",
    "path_reached": "The target of {target} by {date} is reached now; so far the pace was {so_far} points a year.",
    "path_over": "The target was {target} by {date}; the score is {score}.",
    "path_none": "No target is declared.",
    "best": "Nearest to equality: {names}.",
    "worst": "Farthest from it: {names}.",
    "named_score": "{name} ({score})",
    "approximate": (
        "Scores are approximate: the published method fixes them for ratios of 1, 2, 5 and 10; between these they are "
        "interpolated."
    ),
    "descriptive": (
        "A change of score is descriptive: it does not say what a programme did. Ratios hide gaps: read them side by "
        "side."
    ),
    "noise": (
        "With samples of this size, groups that are equal would score about {score} on average, not 100: differences "
        "near the top of the scale may be sampling noise."
    ),
    "withheld": (
        "{count} indicators are withheld because a group counts few people; they are part of no average: {names}."
    ),
    "replaced": "'{new}' took the place of '{old}', in earlier years too: {reason}",
    "gaps": "Years left out because an indicator has no data in them: {years}.",
    "uneven": (
        "Topics or themes hold different numbers of indicators, so that single indicators do not weigh the same in the "
        "city's score."
    ),
    "banner": "A better score is not the same as caused by the programme.",
    "untranslated": "These words have no translation and stand as declared: {listed}.",
}
EQUALITY: Final = Phrases(_EQUALITY)

_EQUALITY_HEADINGS: Final = {
    "kicker": "Equality indicators",
    "score": "Score",
    "score_beneath": "of 100, approximate; {low} to {high}",
    "change": "Change since {baseline}",
    "points": "{change} points",
    "interval": "{low} to {high}",
    "target": "Target",
    "target_reading": "{target} by {date}",
    "needed": "{needed} points a year needed, {so_far} so far",
    "reached": "reached",
    "no_target": "None declared",
    "withheld": "Withheld",
    "themes": "Themes and topics",
    "indicators": "Indicators: gap, ratio and score",
    "know": "What to know",
    "path": "Path to the target",
    "years": "Scores by year",
    "how": "How it is measured",
    "data": "Data",
    "level": "Level",
    "needed_column": "Needed a year",
    "so_far_column": "So far a year",
    "indicator": "Indicator",
    "groups": "Groups",
    "gap": "Gap",
    "ratio": "Ratio",
    "ranged": "{value} ({low} to {high})",
    "two_groups": "{first}, {second} ({unit})",
    "one_group": "{first} ({unit})",
}
EQUALITY_HEADINGS: Final = Phrases(_EQUALITY_HEADINGS)

_PORTFOLIO: Final = {
    "banner": "On target is not the same as caused by the programme.",
    "indicators": "Indicators and their targets",
    "indicators_why": (
        "Where things stand and where they go. The chance is of reaching the target if things go on as they have; it "
        "says nothing of why."
    ),
    "equality": "Equality indicators and the path to their targets",
    "equality_why": (
        "Scores from 1 to 100 (equality), approximate; a change of score is descriptive. Gaps, ratios and single "
        "indicators are on each city's page."
    ),
    "city": "City",
    "indicator": "Indicator",
    "now": "Now",
    "target": "Target",
    "chance": "Chance of the target",
    "signals": "Chart",
    "level": "City and themes",
    "score": "Score",
    "change": "Change since {baseline}",
    "needed": "Needed a year",
    "so_far": "So far a year",
    "by": "{target} by {date}",
    "from": "from {baseline}",
    "withheld": "Withheld",
    "page": "All indicators of {city}",
    "year": "{city}, {year}",
}
PORTFOLIO: Final = Phrases(_PORTFOLIO)
