"""Forecasts against statsmodels, and their laws."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics import forecasting
from evalkit.numerics.forecasting import MANY, Forecast, Scale, forecast, over_window
from evalkit.vocabulary import FloatArray

AHEAD = 12
CLOSE = 0.12
"""Share of the forecast's sd by which a posterior may differ from maximum likelihood on 300 periods."""


def run(
    value: FloatArray, scale: Scale = "identity", *, exposure: float = 1.0, ahead: int = AHEAD, **more: object
) -> Forecast:
    periods = len(value) + ahead
    settings: dict[str, object] = {"season": None, "trend": "local_level", "draws": 2_000} | more
    return forecast(
        np.concatenate([value, np.full(ahead, np.nan)]), np.full(periods, exposure), scale=scale,
        position=np.arange(periods) % 12, rng=np.random.default_rng(0), **settings,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_long_series_is_foretold_as_statsmodels_does() -> None:
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    rng = np.random.default_rng(4)
    value = np.cumsum(0.5 * rng.normal(size=300)) + rng.normal(size=300)
    found = run(value, draws=4_000).drawn[:, -AHEAD:]
    peer = UnobservedComponents(value, "llevel").fit(disp=False).get_forecast(AHEAD)
    mean, error = np.asarray(peer.predicted_mean), np.asarray(peer.se_mean)
    assert np.abs(found.mean(axis=0) - mean) == pytest.approx(0.0, abs=CLOSE * float(error.max()))
    assert found.std(axis=0) == pytest.approx(error, rel=CLOSE)


def test_observed_periods_are_what_they_are() -> None:
    value = np.random.default_rng(0).normal(10.0, 1.0, 30)
    value[7] = np.nan
    found = run(value)
    seen = ~np.isnan(value)
    assert (found.drawn[:, :30][:, seen] == value[seen]).all()
    assert found.drawn[:, 7].std() > 0.0


def test_location_and_scale_move_the_forecast_alike() -> None:
    value = np.random.default_rng(1).normal(10.0, 1.0, 40)
    first, second = run(value).drawn, run(100.0 + 5.0 * value).drawn
    assert second[:, -1] == pytest.approx(100.0 + 5.0 * first[:, -1], rel=1e-6)


def test_shares_stay_shares_and_logs_stay_above_zero() -> None:
    rng = np.random.default_rng(2)
    share = rng.binomial(50, 0.96, 40) / 50.0
    drawn = run(share, "logit", exposure=50.0).drawn
    assert ((drawn >= 0.0) & (drawn <= 1.0)).all()
    assert (run(np.exp(rng.normal(0.0, 1.0, 40)), "log").drawn > 0.0).all()


@pytest.mark.parametrize("mean", [4.0, 4.0 * MANY])
def test_counts_are_foretold_about_their_rate_few_or_many(mean: float) -> None:
    count = np.random.default_rng(3).poisson(mean, 48).astype(float)
    found = run(count / 10.0, "counts", exposure=10.0, draws=400)
    ahead = found.drawn[:, -1] * 10.0
    assert float(np.median(ahead)) == pytest.approx(mean, rel=0.3)
    assert ahead.std() > 0.9 * np.sqrt(mean), "the forecast of a single period holds the noise of counting"


def test_a_season_goes_on() -> None:
    time = np.arange(60)
    value = 10.0 + 3.0 * np.cos(2.0 * np.pi * time / 12.0) + np.random.default_rng(5).normal(0.0, 0.3, 60)
    found = run(value, season=12).drawn[:, -AHEAD:].mean(axis=0)
    assert found == pytest.approx(10.0 + 3.0 * np.cos(2.0 * np.pi * np.arange(60, 72) / 12.0), abs=0.6)


def test_a_short_or_constant_series_is_refused() -> None:
    with pytest.raises(FloatingPointError, match="too few"):
        run(np.arange(7.0))
    with pytest.raises(FloatingPointError, match="does not change"):
        run(np.full(20, 3.0))


def test_windows_are_weighted_by_exposure() -> None:
    drawn = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 6.0]])
    assert over_window(drawn, np.array([1.0, 2.0, 1.0]), np.array([1, 2])).tolist() == pytest.approx([7 / 3, 2.0])


def test_draws_that_hang_on_a_few_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_few(*arguments: object) -> Forecast:
        return Forecast(np.zeros((100, 30 + AHEAD)), np.zeros((100, 30 + AHEAD)), 3.0)

    monkeypatch.setattr(forecasting, "_gaussian", of_few)
    with pytest.raises(FloatingPointError, match="worth 3 only"):
        run(np.random.default_rng(0).normal(10.0, 1.0, 30), draws=100)
