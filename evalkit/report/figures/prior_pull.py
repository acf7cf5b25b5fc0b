"""How far the prior decides: the effect under priors from sparse to flat, beside the best fit without any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pandas as pd

from evalkit.language import phrase, say
from evalkit.report.figures.canvas import BLUE, GREY, INK, ORANGE, PALE, Figure, draw
from evalkit.report.figures.setting import Setting
from evalkit.report.figures.words import number, span

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_HEIGHT: Final = 0.38
FRAME_HEIGHT: Final = 1.3


def prior_pull(rows: pd.DataFrame, setting: Setting) -> Figure:
    """Draw one effect a prior, the sparsest first, and the best fit as a line through all.

    Parameters
    ----------
    rows
        prior (concentration as text), role (``used``, ``other`` or ``best_fit``), estimate, low, high.
    setting
        Names and units.

    Examples
    --------
    >>> rows = pd.DataFrame({"prior": ["0.05", "0.1", "1", ""], "role": ["other", "used", "other", "best_fit"],
    ...                      "estimate": [-20.0, -21.0, -30.0, -19.5], "low": [-23.0, -24.0, -38.0, None],
    ...                      "high": [-17.0, -18.0, -25.0, None]})
    >>> prior_pull(rows, Setting("sales", "packs", "year", "95 % credible interval")).alt
    'Effect on sales: −21 packs under the prior used (−24 to −18). From the sparsest prior to the flat one it runs from −20 to −30; the best fit without a prior gives −19.5.'
    """  # noqa: E501 (the sentence is one line)
    data = rows.reset_index(drop=True)
    priors = data[data["role"] != "best_fit"].reset_index(drop=True)
    best = data.loc[data["role"] == "best_fit", "estimate"].astype(float).tolist()
    roles = priors["role"].astype(str).tolist()
    numbers = priors[["estimate", "low", "high"]].to_numpy(float)

    def paint(ax: Axes) -> None:
        ax.axvline(0.0, color=INK, linewidth=0.9, zorder=1)
        for value in best:
            ax.axvline(value, color=ORANGE, linewidth=1.4, linestyle="--", zorder=1)
        for place, (estimate, low, high) in enumerate(numbers):
            used = roles[place] == "used"
            if used:
                ax.axvspan(low, high, color=PALE, alpha=0.5, linewidth=0, zorder=0)
            colour = BLUE if used else GREY
            ax.hlines(place, low, high, color=colour, linewidth=2.5 if used else 1.6)
            ax.plot(estimate, place, "o" if used else "D", color=colour, markersize=8 if used else 4.5)
        ax.set_ylim(len(priors) - 0.4, -0.6)
        ax.set_yticks(range(len(priors)), [_named(*each) for each in zip(priors["prior"], roles, strict=True)])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.08)

    height = FRAME_HEIGHT + ROW_HEIGHT * len(priors)
    svg, png = draw(
        paint,
        says=say("Effect on {outcome}, {effect_unit}", outcome=setting.outcome, effect_unit=setting.effect_unit),
        height=height,
    )
    return Figure(
        id="prior_pull",
        title=phrase("How far does the prior decide?"),
        alt=_alt(priors, best, setting),
        note=say(
            "Each row: the effect under another prior for the donors' weights, from sparse (few "
            "donors carry the weight) to flat. Bars: {interval}. Blue and shaded: the prior used. "
            "Broken line: the weights that fit best before the start, without any prior.",
            interval=setting.interval,
        ),
        data=data,
        svg=svg,
        png=png,
    )


def _named(prior: object, role: str) -> str:
    if role == "used":
        return f"{prior} (used)"
    return f"{prior} (flat)" if str(prior) == "1" else str(prior)


def _alt(priors: pd.DataFrame, best: list[float], setting: Setting) -> str:
    numbers = priors[["estimate", "low", "high"]].to_numpy(float)
    used = numbers[(priors["role"] == "used").to_numpy()][0]
    without = say("; the best fit without a prior gives {best}", best=number(best[0], 3)) if best else ""
    return say(
        "Effect on {outcome}: {used} {effect_unit} under the prior used ({range}). From the "
        "sparsest prior to the flat one it runs from {numbers} to {numbers_2}{without}.",
        outcome=setting.outcome,
        used=number(used[0], 3),
        effect_unit=setting.effect_unit,
        range=span(used[1], used[2], 3),
        numbers=number(numbers[0, 0], 3),
        numbers_2=number(numbers[-1, 0], 3),
        without=without,
    )
