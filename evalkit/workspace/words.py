"""Every sentence that making a workspace, a study or an estimator says: one dictionary, holes by name."""

from __future__ import annotations

from typing import Final

FILL_IN: Final = "FILL IN"
"""Begins every text that only a person can write; `validate` names those left, and no plan is locked over one."""

PHRASES: Final = {
    "bad_study_name": "'{name}' cannot name a study.",
    "study_names": "letters, digits, '_' and '-', beginning with a letter, e.g. night_buses",
    "bad_estimator_name": "'{name}' cannot name an estimator: it becomes a Python module.",
    "estimator_names": "small letters, digits and '_', beginning with a letter, e.g. change_of_means",
    "try_name": "For example: {name}.",
    "exists": "In '{root}' there is already {names}; nothing was written.",
    "exists_next": "Choose another name, or remove these files yourself: evalkit never writes over a file.",
    "cannot_write": "Could not write {path}: {reason}.",
    "cannot_write_next": "Choose a folder that you may write to.",
    "study_taken": "A study '{name}' ships with evalkit; yours would stand in front of it.",
    "study_taken_next": "Choose another name.",
    "estimator_taken": "There is already an estimator '{name}'.",
    "estimator_taken_next": "Choose another name; `evalkit list estimators` shows those taken.",
    "no_file": "There is no file '{path}'.",
    "no_file_next": "Give the path of a CSV or parquet file: --data data/FILE.csv.",
    "outside": "The file '{path}' lies outside of '{root}', where a study looks for its data.",
    "outside_next": "Copy it into '{root}', e.g. below data/.",
    "not_text": "The file '{path}' cannot be read as a table: {reason}",
    "not_text_next": "Save it as CSV in UTF-8, or as parquet.",
    "few_columns": "The file '{path}' has no table: found the columns {names}.",
    "few_columns_next": "A study needs a unit, a period, a treatment and an outcome, one row for each unit and period.",
    "no_column": "There is no column '{name}' in '{path}' (--{option}).",
    "which": "Which column is {what}? The data do not make it plain.",
    "which_next": "Say it: --{option} COLUMN.",
    "value_needed": "Only you can say {what}.",
    "value_needed_next": "Say it: --{option} {example}.",
    "what_unit": "the unit (who is observed)",
    "what_period": "the period (when)",
    "what_treatment": "the treatment (a first treated period, or a 0/1 column that stays 1)",
    "what_outcome": "the outcome",
    "what_direction": "which direction of the outcome the city wants",
    "what_priority": "which priority of the city the study serves",
    "ask_unit": "Column of the unit",
    "ask_period": "Column of the period",
    "ask_treatment": "Column of the treatment",
    "ask_outcome": "Column of the outcome",
    "ask_direction": "What the city wants of it",
    "ask_priority": "Priority that it serves",
    "both_treatments": "--cohort and --treated both name a treatment.",
    "both_treatments_next": "Name the first treated period (--cohort) or the 0/1 column (--treated).",
    "duplicates_next": "If each row is another person, it is a repeated cross-section: see data.group in the guide.",
    "wrote": "Wrote {path}",
    "found_rows": "{rows} rows; {units} units ({unit}), {periods} periods ({period}: {first} to {last}, by {step})",
    "found_starts": "First treated: {starts}",
    "found_never": "{count} never treated",
    "found_always": "{count} treated throughout: they show no change at the start",
    "found_gaps": "{share:.1%} of all pairs of unit and period have no outcome",
    "found_no_gaps": "Every unit has an outcome in every period",
    "family_count": "whole numbers of 0 or more: a count. If it is already divided by residents, write rate",
    "family_proportion": "all between 0 and 1: a share",
    "family_continuous": "numbers; if they are counts divided by something, write rate and declare exposure and per",
    "blind": "The family of the outcome was judged from rows before the first start; no later outcome was looked at",
    "next_study": "Next: write what is marked FILL IN in configs/study/{name}.yaml and studies/{name}/, then "
    '`evalkit validate study={name}`, `evalkit power study={name}`, `evalkit plan lock study={name} --who "..."`, '
    "`evalkit run study={name}`.",
    "next_estimator": "Next: `python -m pytest {test}`, then "
    "`evalkit run --plugin {module} study=NAME estimator={name}`.",
    "next_init": "Next: cd {folder}, put a file below data/, then `evalkit new study NAME --data data/FILE.csv`.",
    "made_init": "A workspace is in {folder}",
    "made_study": "The study '{name}' is written and valid",
    "made_estimator": "The estimator '{name}' is written",
}


def worded(key: str, **holes: object) -> str:
    """A sentence with its holes filled.

    Examples
    --------
    >>> worded("wrote", path="configs/study/night_buses.yaml")
    'Wrote configs/study/night_buses.yaml'
    """
    return PHRASES[key].format(**holes)
