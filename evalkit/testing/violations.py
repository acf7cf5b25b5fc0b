"""Worlds where difference-in-differences errs by a known amount: trends that part, and effects that spill over."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

import numpy as np
import pandas as pd

from evalkit.testing.simulate import Simulated, StaggeredDesign, simulate_staggered

Violation = Literal["linear", "dip", "shock"]
KM_A_DEGREE = 6371.0 * np.pi / 180.0
"""Of latitude, on the sphere that distances are taken on."""
FAR_NORTH = 60.0
"""Degrees of latitude of the places that nothing reaches: more than 6,000 km from the equator."""


def simulate_violated_trends(
    kind: Violation = "linear", size: float = 0.3, *, seed: int, design: StaggeredDesign | None = None
) -> Simulated:
    """A staggered roll-out whose treated units would have moved apart from the others without the programme.

    Parameters
    ----------
    kind
        ``linear``: they drift by `size` a period throughout; the periods before the start show it.
        ``dip``: they stand `size` lower in the last period before their start, and recover (Ashenfelter 1978): only
        event time -1 shows it, and that is the period compared with.
        ``shock``: something else moves them by `size` from their start on: nothing before it shows that.
    size
        In units of y.
    seed
        Of the draw.
    design
        The roll-out; 120 units over 8 periods by default.

    Returns
    -------
    Simulated
        ``overall`` is the programme's own effect. ``truths["bias"]`` is what the comparison of each cohort with the
        never-treated, against the last period before its start, finds beyond it in the mean over the treated cells:
        E[Y_t(0) - Y_{g-1}(0) | G = g] - E[Y_t(0) - Y_{g-1}(0) | never], which parallel trends would make 0.

    Raises
    ------
    ValueError
        For an unknown `kind`, or a roll-out that leaves nobody untreated.

    Examples
    --------
    >>> simulated = simulate_violated_trends("dip", 0.5, seed=1)
    >>> simulated.overall, simulated.truths["bias"]
    (1.0, 0.5)
    """
    if kind not in get_args(Violation):
        raise ValueError(f"kind must be one of {get_args(Violation)}; got {kind!r}")
    simulated = simulate_staggered(design or StaggeredDesign(), seed)
    frame = simulated.frame
    treated, since = frame["cohort"] > 0, frame["period"] - frame["cohort"]
    gap = {
        "linear": size * frame["period"].where(treated, 0),
        "dip": -size * (treated & (since == -1)),
        "shock": size * (treated & (since >= 0)),
    }[kind].astype(np.float64)
    return _violated(simulated, gap, {})


def simulate_spillover(
    spill: float = 0.5, *, seed: int, n_near: int = 10, near_km: float = 5.0, design: StaggeredDesign | None = None
) -> Simulated:
    """A staggered roll-out that also changes some of the places it is compared with.

    Treated places lie far apart along the equator. Each of `n_near` never-treated places lies `near_km` north of one of
    them and moves by `spill` once that one has started; the others lie at 60 degrees north, where nothing arrives.

    Parameters
    ----------
    spill
        Effect on the places nearby, in units of y.
    seed
        Of the draw.
    n_near
        Comparison places nearby, at most as many as there are.
    near_km
        Their distance from the nearest treated place, in km.
    design
        The roll-out; 120 units over 8 periods by default.

    Returns
    -------
    Simulated
        ``frame`` has the columns ``latitude`` and ``longitude`` (degrees) besides. ``overall`` is the effect on the
        treated; ``truths`` holds ``spill`` and ``bias``, what a comparison with all never-treated places finds beyond
        ``overall``. Without the places nearby there is no bias.

    Raises
    ------
    ValueError
        If there are fewer comparison places than `n_near`.

    Examples
    --------
    >>> simulated = simulate_spillover(2.0, seed=1, n_near=10, design=StaggeredDesign(n_units=40, cohorts={5: 0.5}))
    >>> simulated.overall, simulated.truths
    (1.0, {'spill': 2.0, 'bias': -1.0})
    """
    simulated = simulate_staggered(design or StaggeredDesign(), seed)
    places = simulated.frame.groupby("unit")["cohort"].first()
    treated, comparison = places.index[places > 0], places.index[places == 0]
    if n_near > len(comparison):
        raise ValueError(f"n_near must be at most {len(comparison)}, the number of comparison places; got {n_near}")
    longitude = pd.Series(np.linspace(-180.0, 180.0, len(places), endpoint=False), index=places.index)
    latitude = pd.Series(np.where(places > 0, 0.0, FAR_NORTH), index=places.index)
    near, beside = comparison[:n_near], treated[np.arange(n_near) % len(treated)]
    latitude[near], longitude[near] = near_km / KM_A_DEGREE, longitude[beside].to_numpy()
    reached = pd.Series(places[beside].to_numpy(), index=near)
    unit = simulated.frame["unit"]
    frame = simulated.frame.assign(latitude=unit.map(latitude), longitude=unit.map(longitude))
    gap = spill * (frame["period"] >= unit.map(reached)).astype(np.float64)
    return _violated(dataclasses.replace(simulated, frame=frame), gap, {"spill": spill})


def _violated(simulated: Simulated, gap: pd.Series[float], truths: dict[str, float]) -> Simulated:
    """Add (rows,) departures from parallel trends to the outcome, and say what they do to the comparison."""
    frame = simulated.frame
    if not (frame["cohort"] == 0).any():
        raise ValueError("the design must leave some units never treated, to compare with")
    cohort, period, moved = (np.asarray(column) for column in (frame["cohort"], frame["period"], gap))
    treated = (cohort > 0) & (period >= cohort)
    if "eligible" in frame:
        treated &= np.asarray(frame["eligible"] == 1)

    def apart(start: int, when: int) -> float:
        """How far the cohort has moved in a period less the never-treated."""
        now = period == when
        return float(moved[(cohort == start) & now].mean() - moved[(cohort == 0) & now].mean())

    cells, counts = np.unique(np.stack([cohort[treated], period[treated]]), axis=1, return_counts=True)
    beyond = [apart(start, when) - apart(start, start - 1) for start, when in cells.T.tolist()]
    bias = float(np.average(beyond, weights=counts))
    return Simulated(frame.assign(y=frame["y"] + gap), simulated.overall, {**truths, "bias": bias})
