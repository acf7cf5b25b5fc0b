"""What the data-quality report says: one dictionary, so that every sentence can be translated."""

from __future__ import annotations

from typing import Final

from evalkit.language import Phrases

_SAID: Final = {
    # what each part takes for granted
    "missing_periods": "Every unit has an outcome in every period.",
    "spikes": "No single period of a unit stands far out from those around it.",
    "files": "The files are whole.",
    "dates": "Every record has a date that can be used, and every value can be read.",
    "duplicates": "Each record is there once.",
    "unmatched": "Every record can be placed in a unit.",
    "bulk_closures": "Records are closed when the work is done.",
    "definition_changes": "What counts as a record stays the same.",
    "reporting_lag": "All records of the periods analysed had been entered by the day of the extract.",
    # what was found
    "complete": "Every unit has an outcome in every period looked at.",
    "gaps": "{share:.1f} % of unit-periods looked at have no outcome; {gaps} of {units} units have a gap "
    "between two periods "
    "with one.",
    "recorded_by": "Zeros are filled in where recording was on ({how}); elsewhere the outcome is missing.",
    "no_spikes": "No unit-period stands out from its neighbours by more than {times:g} times the usual scatter.",
    "some_spikes": "{share:.1f} % of unit-periods stand out from their neighbours by more than {times:g} "
    "times the usual scatter, "
    "the furthest in '{unit}' in {period}.",
    "common_spike": "In {period} most units stand out at once: something happened to all of them, or to the records.",
    "too_short": "Fewer than {periods} periods are too few to tell what is usual.",
    "too_large": "More than {cells} unit-periods: not looked at one by one.",
    "whole": "The files read to their end.",
    "verified": "The files read to their end, and their page checksums hold.",
    "no_checksum": "The parquet files carry no page checksums, so that a flipped byte would be read as "
    "data; declare their hashes.",
    "cut_off": "The last line of '{file}' does not end: the file may be cut off.",
    "usable": "Of {judged} records that the conditions let through, {bad} have no usable date and "
    "{outside} lie in periods that "
    "were not recorded whole; {values} values of measures cannot be read or end before they begin.",
    "copies": "{copies} of {rows} rows were further copies of a record and are left out.",
    "no_identifier": "The study names no identifier, so that copies of a record were not looked for.",
    "all_placed": "Every record has a unit.",
    "not_placed": "{share:.1f} % of records have no unit, most often {keys}; by period between {low:.1f} "
    "and {high:.1f} %.",
    "no_bulk": "No day closes {times:g} times as many records as the days around it.",
    "bulk": "{share:.1f} % of records are closed on {days} days that close at least {times:g} times as "
    "many as the days around them, "
    "most of all {day}: such dates tell when a file was tidied, not when the work was done.",
    "steady": "No share by {columns} moves by {points:g} points or more between the {window} periods "
    "before and after a date.",
    "shift": "The share of '{value}' in '{column}' moves from {before:.0f} to {after:.0f} % at {period}: "
    "what is recorded, or "
    "how, may have changed.",
    "shift_near": "The share of '{value}' in '{column}' moves from {before:.0f} to {after:.0f} % at "
    "{period}, next to a start: "
    "what is recorded, or how, may have changed.",
    "no_categories": "The study names no categories of records, so that their mix was not looked at.",
    "lag": "Days until half of the records are entered: {half}; until nine in ten: {most}. Judged by earlier "
    "periods, {period} was {complete:.0f} % complete on the day of the extract.",
    "early": "{share:.1f} % of records are entered before they happened.",
    "no_entry": "The study does not say when records were entered, so that late ones were not looked for.",
    "no_ends": "No measure has an end, so that closings were not looked at.",
    "not_by_unit": "Not looked at: the records are of too many units.",
    # lines of the figures
    "records": "records",
    "other_days": "on other days",
    "bulk_days": "on days of bulk closing",
    "week": "within a week",
    "month": "within 30 days",
    "quarter": "within 90 days",
    "nothing_to_see": "Nothing to look at before the start.",
}
SAID: Final = Phrases(_SAID)

_PARTS: Final = {
    "files": "Files",
    "dates": "Dates and values",
    "duplicates": "Duplicates",
    "unmatched": "Records without a unit",
    "missing_periods": "Missing periods",
    "spikes": "Spikes",
    "bulk_closures": "Bulk closures",
    "definition_changes": "Changes of definition",
    "reporting_lag": "Reporting lag",
}
PARTS: Final = Phrases(_PARTS)
"""Names of the parts of the report."""
