"""Command-line overrides: Hydra's grammar, with messages that name the closest known word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evalkit.config.cities import GROUP
from evalkit.config.folders import GROUPS, Folders
from evalkit.errors import ConfigError, closest, quote_names

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

OWN_KEYS = ("seed", "data_root", "language")
"""Keys at the top that are no groups."""
TOP_KEYS = (*(group for group in GROUPS if group != GROUP), *OWN_KEYS)
"""What a composed config holds, and so what an override may begin with; what a city says is below ``study``."""

MOST_NAMES = 40
"""Names of a group that a message lists."""


def prepare(
    overrides: Sequence[str], folders: Folders, *, plugins: Sequence[str] = (), groups: Sequence[str] = GROUPS
) -> list[str]:
    """Check overrides and return them as Hydra must see them.

    A key that the study's file does not spell out (``study.design.level=0.9``) is as good as one that
    it does, so values are passed on with Hydra's ``++``; whether the key exists at all is the business
    of the models, whose messages name the closest one.

    Parameters
    ----------
    overrides
        As typed: ``estimator=sun_abraham``, ``study.design.event_window=[-4,6]``, ``seed=7``; with
        ``-m`` also lists of choices, ``study=a,b``.
    folders
        Where configs are looked up.
    plugins
        Estimators that are registered without having a config.
    groups
        What may be named; those of a study by default.

    Raises
    ------
    ConfigError
        For what Hydra's grammar cannot read, unknown keys at the top, and unknown choices of a group.
    """
    prepared = []
    for parsed in parse(overrides):
        text = str(parsed.input_line)
        if is_launch(parsed):
            prepared.append(text)
        elif parsed.key_or_group in groups:
            prepared += _group(parsed, folders, plugins)
        else:
            _check_top_key(parsed, groups)
            prepared.append(text if parsed.is_delete() else "++" + text.lstrip("+"))
    return prepared


def parse(overrides: Sequence[str]) -> list[Override]:
    """Read overrides by Hydra's grammar.

    Raises
    ------
    ConfigError
        Quoting the one that cannot be read.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parsed: list[Override] = []
    parser = OverridesParser.create()
    for text in overrides:
        try:
            (one,) = parser.parse_overrides([text])
        except HydraException:
            one = None
        if one is None or not one.key_or_group:
            raise ConfigError(
                f"Cannot read the override '{text}'.",
                allowed="key=value, e.g. estimator=two_way_fixed_effects, study.design.event_window=[-4,6], seed=7",
                next_step="Put values with spaces or commas in quotes: \"study.title='Stop, look'\"."
                if not text.isidentifier()
                else f"A study is named with its key: study={text}.",
            )
        parsed.append(one)
    return parsed


def sweep_jobs(overrides: Sequence[str]) -> list[list[str]]:
    """All combinations that ``-m`` asks for, in the order in which Hydra numbers them.

    Examples
    --------
    >>> sweep_jobs(["study=a,b", "seed=7"])
    [['study=a', 'seed=7'], ['study=b', 'seed=7']]
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.errors import HydraException

    own = [parsed for parsed in parse(overrides) if not is_launch(parsed)]
    try:
        (jobs,) = BasicSweeper.split_arguments(own, max_batch_size=None)
    except HydraException as error:
        raise ConfigError(
            f"Cannot sweep: {error}.", next_step="List the values: estimator=callaway_santanna,two_way_fixed_effects."
        ) from None
    return [list(job) for job in jobs]


def expanded(overrides: Sequence[str], folders: Folders, *, plugins: Sequence[str] = ()) -> list[str]:
    """The overrides with ``study=glob(*)``, ``city=glob(north_*)`` spelled out as lists of names.

    Raises
    ------
    ConfigError
        For a pattern that matches nothing, or a key whose values are not names of configs.
    """
    from hydra.core.override_parser.types import Glob

    found = []
    for parsed in parse(overrides):
        pattern = parsed.value() if parsed.is_sweep_override() else None
        if not isinstance(pattern, Glob):
            found.append(str(parsed.input_line))
            continue
        group = parsed.key_or_group
        if group not in GROUPS:
            raise ConfigError(
                f"'{parsed.input_line}' is a pattern, and '{group}' has no list of names to match.",
                allowed=f"patterns for {quote_names(GROUPS, limit=len(GROUPS))}",
                next_step=f"List the values: {group}=1,2,3.",
            )
        known = sorted({*folders.options(group), *(plugins if group == "estimator" else ())})
        names = pattern.filter(known)
        if not names:
            raise ConfigError(f"No {group} matches '{parsed.input_line}'.", allowed=quote_names(known, limit=20))
        found.append(f"{group}={','.join(names)}")
    return found


def is_launch(parsed: Override) -> bool:
    """Whether an override is for Hydra itself: how jobs are launched, not what they compute."""
    return parsed.is_hydra_override() or parsed.key_or_group.startswith("hydra/")


def _group(parsed: Override, folders: Folders, plugins: Sequence[str]) -> list[str]:
    """Check the choices of a group override."""
    group = parsed.key_or_group
    known = sorted({*folders.options(group), *(plugins if group == "estimator" else ())})
    sweeps = parsed.is_sweep_override()
    choices = (
        [str(value) for value in parsed.sweep_string_iterator()] if sweeps else [parsed.get_value_element_as_str()]
    )
    for choice in choices:
        if choice not in known:
            raise unknown_choice(group, choice, known)
    return [str(parsed.input_line).lstrip("+")]


def unknown_choice(group: str, choice: str, known: Sequence[str]) -> ConfigError:
    """There is no such study, estimator, ...: word it with the closest name."""
    near = closest(choice, known)
    shown = quote_names(known, limit=MOST_NAMES).replace("'", "") or f"none: there is no folder configs/{group}"
    if group == GROUP and not known:
        shown = "none: there is no configs/cities.yaml"
    hint = f"Did you mean '{near}'?" if near else f"Write configs/{group}/{choice}.yaml or name a known one."
    if group == "estimator" and not near:
        hint += " An estimator of your own is loaded with --plugin FILE.py or --plugin MODULE."
    word = {"check": "set of check settings", "evidence": "set of evidence rules", "tracking": "tracking"}
    return ConfigError(f"There is no {word.get(group, group)} '{choice}'.", allowed=shown, next_step=hint)


def _check_top_key(parsed: Override, groups: Sequence[str]) -> None:
    key = parsed.key_or_group
    top = key.split(".")[0].split("/")[0].split("@")[0]
    known = (*groups, *OWN_KEYS)
    if top in known and "/" not in key:
        return
    near = closest(top, known)
    raise ConfigError(
        f"Unknown key '{key}' on the command line.",
        allowed=f"{', '.join(known)} and keys below {quote_names(groups)}",
        next_step=f"Did you mean '{near}{key[len(top) :]}'?" if near else "Remove it.",
    )
