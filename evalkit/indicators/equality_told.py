"""A tree of equality indicators with the names of its levels in the language spoken; every number stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from evalkit.indicators.equality_result import Equality, Node
from evalkit.study.equality import EqualityIndicator, Theme, Topic
from evalkit.study.told_measures import told_equality

Declared = TypeVar("Declared", Theme, Topic, EqualityIndicator)


def told_tree(found: Equality) -> Equality:
    """The tree as told; its `spec` stays as declared.

    Names are given by place, as two levels may have the same name once they are translated.

    Examples
    --------
    >>> import inspect
    >>> list(inspect.signature(told_tree).parameters)
    ['found']
    """
    spec = told_equality(found.spec)
    if spec is found.spec:
        return found
    themes = tuple(_theme(node, theme) for node, theme in _pairs(found.city, spec.themes))
    return replace(found, city=replace(found.city, name=spec.city or spec.title, children=themes))


def _theme(node: Node, theme: Theme) -> Node:
    topics = tuple(_topic(below, topic, theme.name) for below, topic in _pairs(node, theme.topics))
    return replace(node, name=theme.name, children=topics)


def _topic(node: Node, topic: Topic, theme: str) -> Node:
    leaves = tuple(_leaf(below, each, (theme, topic.name)) for below, each in _pairs(node, topic.indicators))
    return replace(node, name=topic.name, parents=(theme,), children=leaves)


def _leaf(node: Node, indicator: EqualityIndicator, parents: tuple[str, str]) -> Node:
    return replace(node, name=indicator.name, parents=parents, indicator=indicator)


def _pairs(node: Node, below: Sequence[Declared]) -> Iterable[tuple[Node, Declared]]:
    return zip(node.children, below, strict=True)
