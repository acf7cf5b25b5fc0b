"""What a reader of an interrupted time series must know of how it was fitted, one sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evalkit.language import Phrases, localized, phrase, say
from evalkit.language.nouns import counted, quoted, steps
from evalkit.numerics.series_model import Shape
from evalkit.vocabulary import Remark

_TERMS: Final = {
    "trend_none": "no trend",
    "trend_linear": "a straight trend",
    "trend_quadratic": "a bent (quadratic) trend",
    "season_none": "no season",
    "season_dummies": "a level of its own for each of {count} {steps} of the season",
    "season_wave": "{pairs} wave a season of {length} {steps}",
    "season_waves": "{pairs} waves a season of {length} {steps}",
    "level": "level",
    "level_and_slope": "level and slope",
}
TERMS: Final = Phrases(_TERMS)


def compared_with(count: int, places: Sequence[str]) -> Remark:
    """With whom the series is compared: itself, or the difference to other places with itself."""
    who = f"'{places[0]}'" if len(places) == 1 else say("Each of {count} places", count=len(places))
    if count:
        return Remark(
            "controlled_series",
            say(
                "{who} is followed by its difference to the mean of {count} comparison units, and that difference is "
                "compared with its own trend before the start."
                if count > 1
                else "{who} is followed by its difference to the series of {count} comparison unit, and that "
                "difference is compared with its own trend before the start.",
                who=who,
                count=count,
            ),
            treated=len(places),
            comparison=count,
        )
    return Remark(
        "series_alone",
        say(
            "{who} is compared with its own trend before the start, not with other places: whatever else "
            "changed at the start counts as effect.",
            who=who,
        ),
        treated=len(places),
    )


def model(shape: Shape, step: str) -> Remark:
    """The terms of the regression in words."""
    terms = TERMS[f"trend_{shape.trend}"]
    count, length = round(shape.length), localized(f"{shape.length:.4g}")
    season = {
        "none": TERMS["season_none"],
        "dummies": TERMS.say("season_dummies", count=count, steps=steps(step)),
        "harmonics": TERMS.say(
            "season_waves" if shape.pairs > 1 else "season_wave", pairs=shape.pairs, length=length, steps=steps(step)
        ),
    }[shape.season]
    change = TERMS["level" if shape.change == "step" else "level_and_slope"]
    return Remark(
        "segmented_regression",
        say(
            "The model has {terms}, {season}, and a change of {change} at the start.",
            terms=terms,
            season=season,
            change=change,
        ),
    )


def errors(shape: Shape, rhos: Sequence[float], lags: int | None, small_sample: bool) -> Remark:
    """How errors are allowed to hang together."""
    average = sum(rhos) / len(rhos)
    if shape.errors == "newey_west":
        size = phrase("with n / (n - p)" if small_sample else "without a small-sample correction")
        text = say(
            "Standard errors are Newey and West's with {lags} lag, {size}. They tend to be too small in series of this "
            "length, so the interval is widened to what they miss under autoregressive errors."
            if lags == 1
            else "Standard errors are Newey and West's with {lags} lags, {size}. They tend to be too small in series "
            "of this length, so the interval is widened to what they miss under autoregressive errors.",
            lags=lags,
            size=size,
        )
    elif shape.errors == "independent":
        text = phrase("Errors are taken to be unrelated from one period to the next.")
    else:
        how = phrase("restricted maximum likelihood" if shape.errors == "ar1" else "Prais and Winsten's method")
        text = say(
            "Errors carry over to the next period with a correlation of about {average:.2f}, by {how}."
            if len(rhos) > 1
            else "Errors carry over to the next period with a correlation of {average:.2f}, by {how}.",
            average=average,
            how=how,
        )
    return Remark("series_errors", text)


def left_out(anticipation: int, donut: int, step: str) -> Remark:
    """Periods around the start that are not used."""
    parts = [say("{steps} before the start", steps=counted(anticipation, step))] if anticipation else []
    parts += [say("{steps} from the start on", steps=counted(donut, step))] if donut else []
    text = parts[0] if len(parts) == 1 else say("{first} and {second}", first=parts[0], second=parts[1])
    return Remark("donut", say("Left out of the model and of the effect: {parts}.", parts=text))


def absorbed(names: Sequence[str]) -> Remark:
    """Terms that the others determine."""
    return Remark(
        "terms_absorbed", say("Terms that the others determine were left out: {list}.", list=quoted(list(names)))
    )


def no_logarithm(count: int) -> Remark:
    """Counts of 0 before the start, which have no gap on the log scale."""
    return Remark(
        "counts_of_zero",
        say(
            "{count} periods before the start with a count of 0 enter the model, but their gaps cannot be shown on the "
            "log scale."
            if count > 1
            else "{count} period before the start with a count of 0 enter the model, but their gaps cannot be shown on "
            "the log scale.",
            count=count,
        ),
    )
