"""What a reader of an interrupted time series must know of how it was fitted, one sentence each."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.errors import quote_names
from evalkit.numerics.series_model import Shape
from evalkit.vocabulary import Remark


def compared_with(count: int, places: Sequence[str]) -> Remark:
    """With whom the series is compared: itself, or the difference to other places with itself."""
    who = f"'{places[0]}'" if len(places) == 1 else f"Each of {len(places)} places"
    if count:
        with_whom = "the mean of" if count > 1 else "the series of"
        return Remark(
            "controlled_series",
            f"{who} is followed by its difference to {with_whom} {count} comparison unit{'s' if count > 1 else ''}, "
            "and that difference is compared with its own trend before the start.",
            treated=len(places),
            comparison=count,
        )
    return Remark(
        "series_alone",
        f"{who} is compared with its own trend before the start, not with other places: whatever else changed at the "
        "start counts as effect.",
        treated=len(places),
    )


def model(shape: Shape, step: str) -> Remark:
    """The terms of the regression in words."""
    terms = {"none": "no trend", "linear": "a straight trend", "quadratic": "a bent (quadratic) trend"}[shape.trend]
    season = {
        "none": "no season",
        "dummies": f"a level of its own for each of {round(shape.length)} {step}s of the season",
        "harmonics": f"{shape.pairs} wave{'s' if shape.pairs > 1 else ''} a season of {shape.length:.4g} {step}s",
    }[shape.season]
    change = "level" if shape.change == "step" else "level and slope"
    return Remark("segmented_regression", f"The model has {terms}, {season}, and a change of {change} at the start.")


def errors(shape: Shape, rhos: Sequence[float], lags: int | None, small_sample: bool) -> Remark:
    """How errors are allowed to hang together."""
    average = sum(rhos) / len(rhos)
    about = "about " if len(rhos) > 1 else ""
    if shape.errors == "newey_west":
        size = "with n / (n - p)" if small_sample else "without a small-sample correction"
        text = (
            f"Standard errors are Newey and West's with {lags} lag{'' if lags == 1 else 's'}, {size}. "
            "They tend to be too small in series of this length, so the interval is widened to what they miss under "
            "autoregressive errors."
        )
    elif shape.errors == "independent":
        text = "Errors are taken to be unrelated from one period to the next."
    else:
        how = "restricted maximum likelihood" if shape.errors == "ar1" else "Prais and Winsten's method"
        text = f"Errors carry over to the next period with a correlation of {about}{average:.2f}, by {how}."
    return Remark("series_errors", text)


def left_out(anticipation: int, donut: int, step: str) -> Remark:
    """Periods around the start that are not used."""
    parts = [f"{anticipation} {step}{'s' if anticipation > 1 else ''} before the start"] if anticipation else []
    parts += [f"{donut} {step}{'s' if donut > 1 else ''} from the start on"] if donut else []
    return Remark("donut", f"Left out of the model and of the effect: {' and '.join(parts)}.")


def absorbed(names: Sequence[str]) -> Remark:
    """Terms that the others determine."""
    return Remark("terms_absorbed", f"Terms that the others determine were left out: {quote_names(list(names))}.")


def no_logarithm(count: int) -> Remark:
    """Counts of 0 before the start, which have no gap on the log scale."""
    return Remark(
        "counts_of_zero",
        f"{count} period{'s' if count > 1 else ''} before the start with a count of 0 enter the model, but their gaps "
        "cannot be shown on the log scale.",
    )
