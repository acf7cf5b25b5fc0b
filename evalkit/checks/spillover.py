"""Did the programme reach the places it is compared with?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from evalkit.checks.base import CheckContext, PanelCheck, exhibiting
from evalkit.checks.refit import overall
from evalkit.checks.wording import amount
from evalkit.data.keep import keep_units
from evalkit.data.panel import Panel
from evalkit.errors import ConfigError, DataError, EvalkitError, Reason, closest
from evalkit.language import mark, phrase, say
from evalkit.numerics.neighbours import great_circle_km, nearest
from evalkit.vocabulary import BoolArray, Diagnostic, Domain, Exhibit, FloatArray, IntArray

Ring = tuple[str, int, int, float | None, float | None, float | None, float | None, float | None, float | None]


class Spillover(PanelCheck):
    """Leave out comparison places near treated ones, ring by ring, and estimate again (Butts 2023).

    If the programme also changed its neighbours, they are no picture of the world without it, and leaving
    them out moves the estimate. Beside it stands the effect on each ring itself: its places taken for
    treated from the start of their nearest treated place on, compared with places further away than all rings.

    Distances come from coordinates, or from a declared list of neighbours.

    Parameters
    ----------
    latitude, longitude
        Columns in degrees, constant within a unit; name them under `data.attributes`.
    rings_km
        Outer distances of the rings, increasing.
    neighbours
        Instead: each unit's neighbours by label; one direction is enough.
    relative_change
        Largest move of the estimate, as a share of it, that passes.
    """

    name: ClassVar[str] = "spillover"
    null_in_words: ClassVar[str] = mark("The programme changed nothing in the places that it is compared with.")
    domain: ClassVar[Domain] = "deviations"

    latitude: str = ""
    longitude: str = ""
    rings_km: tuple[Annotated[float, Field(gt=0.0)], ...] = ()
    neighbours: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    relative_change: Annotated[float, Field(gt=0.0)] = 0.25

    @model_validator(mode="after")
    def _one_kind_of_nearness(self) -> Self:
        named = [bool(self.latitude), bool(self.longitude), bool(self.rings_km)]
        if any(named) and (not all(named) or self.neighbours):
            raise ValueError("name either latitude, longitude and rings_km, or neighbours")
        if list(self.rings_km) != sorted(set(self.rings_km)):
            raise ValueError("rings_km must increase, e.g. [10, 25]")
        return self

    def run(self, context: CheckContext) -> tuple[Diagnostic, ...]:
        """Refit without the places in each ring."""
        panel = context.panel
        if not (self.rings_km or self.neighbours):
            return self.result(
                "not_run",
                phrase(
                    "The study does not say who is near whom: its settings name neither coordinates nor neighbours."
                ),
            )
        starting = ~panel.never_treated & ~panel.always_treated
        distance, start = nearest(self._distances(panel, starting), panel.first_treated[starting])
        limits = self.rings_km or (1.0,)
        whole = overall(context, context.estimate)
        full = float(whole.estimate[0])
        rings: list[Ring] = []
        skipped: list[str] = []
        inner = 0.0
        for limit in limits:
            near = panel.never_treated & (distance <= limit)
            named = say("{inner:g} to {limit:g} km", inner=inner, limit=limit) if self.rings_km else "neighbours"
            in_ring = near & (distance > inner) if inner else near
            inner = limit
            if not near.any():
                skipped.append(
                    say("no comparison place lies within {limit:g} km", limit=limit)
                    if self.rings_km
                    else phrase("no neighbours")
                )
                continue
            beyond = panel.never_treated & (distance > max(limits))
            rings.append(_ring(context, named, near, in_ring, beyond, start))
        known = [ring for ring in rings if ring[3] is not None]
        if not known:
            why = "; ".join(dict.fromkeys(skipped)) or phrase("nothing is left to compare with without them")
            return self.result("not_run", say("No comparison place could be left out: {why}.", why=why))
        return self._told(context, full, (float(whole.low[0]), float(whole.high[0])), rings)

    def _told(
        self, context: CheckContext, full: float, interval: tuple[float, float], rings: list[Ring]
    ) -> tuple[Diagnostic, ...]:
        moves = [(abs(float(ring[3]) - full), ring) for ring in rings if ring[3] is not None]
        most, ring = max(moves, key=lambda move: move[0])
        change = most / abs(full) if full else float("inf")
        where = (
            say("within {split}", split=ring[0].split(" to ")[-1])
            if self.rings_km
            else phrase("that neighbour a treated one")
        )
        told = self.result(
            "pass" if change <= self.relative_change else "fail",
            say(
                "Without the {ring} comparison places {where}, the effect is {amount} instead of "
                "{amount_2}: it moves by {change:.0f} % of itself.",
                ring=ring[1],
                where=where,
                amount=amount(context, float(ring[3] or 0.0)),
                amount_2=amount(context, full),
                change=100 * change,
            ),
            statistic="relative_change",
            value=min(change, 1e6),
            threshold=self.relative_change,
            relative_change=min(change, 1e6),
            n_left_out_units=float(ring[1]),
        )
        columns = (
            "ring", "n_left_out", "n_in_ring", "estimate", "low", "high", "ring_estimate", "ring_low", "ring_high",
        )  # fmt: skip
        first: Ring = (phrase("none left out"), 0, 0, full, *interval, None, None, None)
        table = dict(zip(columns, zip(first, *rings, strict=True), strict=True))
        return exhibiting(told, Exhibit("spillover", table, counts=("n_left_out", "n_in_ring")))

    def _distances(self, panel: Panel, starting: BoolArray) -> FloatArray:
        """(N, M) km to each place that starts treatment; for declared neighbours 1, for others infinity."""
        if self.rings_km:
            return great_circle_km(_constant(panel, self.latitude), _constant(panel, self.longitude), starting)
        labels = [str(unit) for unit in panel.units]
        position = {label: row for row, label in enumerate(labels)}
        near = np.zeros((panel.n_units, panel.n_units), dtype=np.bool_)
        for unit, others in self.neighbours.items():
            for other in (unit, *others):
                if other not in position:
                    guess = closest(other, labels)
                    raise ConfigError(
                        f"The check 'spillover' names the neighbour '{other}', which is no unit of the data.",
                        next_step=f"Did you mean '{guess}'?" if guess else "Use the labels of the unit column.",
                    )
                near[position[unit], position[other]] = near[position[other], position[unit]] = True
        np.fill_diagonal(near, val=True)
        return np.where(near[:, starting], 1.0, np.inf)


def _ring(
    context: CheckContext, named: str, near: BoolArray, in_ring: BoolArray, beyond: BoolArray, start: IntArray
) -> Ring:
    """The effect without the places up to this ring, and the effect on the ring itself."""
    panel = context.panel
    without = _attempt(context, keep_units(panel, ~near))
    as_treated = dataclasses.replace(panel, first_treated=np.where(in_ring, start, panel.first_treated))
    itself = _attempt(context, keep_units(as_treated, in_ring | beyond)) if in_ring.any() else (None, None, None)
    return (named, int(near.sum()), int(in_ring.sum()), *without, *itself)


def _attempt(context: CheckContext, panel: Panel) -> tuple[float | None, float | None, float | None]:
    """Effect and interval, or nothing where there is nobody to compare with."""
    if panel.n_units == 0 or panel.cohorts.size == 0 or not panel.never_treated.any():
        return None, None, None
    try:
        rows = overall(context, context.fit(panel))
    except EvalkitError:  # too few places beyond the ring: the table shows the row without an effect
        return None, None, None
    return float(rows.estimate[0]), float(rows.low[0]), float(rows.high[0])


def _constant(panel: Panel, column: str) -> FloatArray:
    """(N,) values of a column that is the same in all periods of a unit."""
    values = panel.covariate(column)
    first = np.nanmean(values, axis=1)
    varies = (np.abs(values - first[:, None]) > 1e-6).any(axis=1)
    if varies.any():
        raise DataError(
            Reason(
                "The column '{column}' changes over time within the unit '{unit}'.",
                column=column,
                unit=panel.units[int(np.argmax(varies))],
            ),
            allowed="one value a unit: a place does not move",
        )
    return np.asarray(first)
