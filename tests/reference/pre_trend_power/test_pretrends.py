"""Power and detectable slopes of the test on single pre-periods: those of R pretrends.

Source: benchmarks/data/r_pretrends_golden.json of the project diff-diff (commit 08b6a66), written by R pretrends 0.1.0
(122731d) under R 4.5.2: variances 0.04 and covariances 0.012, or one period with variance 0.25. R takes 1.96 as the
critical value and integrates with the error that its own generator notes, 5e-5 in a power.
"""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.numerics.pretest import detectable_slope, passing_individual
from evalkit.vocabulary import FloatArray

POWER = 3e-4  # ours, 1e-4, and R's, with the 1.96
SLOPE = 2e-4
EQUAL = {"variance": 0.04, "covariance": 0.012}
ALONE = {"variance": 0.25, "covariance": 0.0}
AT = (0.0, 0.2, 0.5, 1.0)
CASES = [
    ([-3, -2, -1], EQUAL, (0.136261192117481, 0.905586670498965, 0.999999998817154, 1.0),
     (0.11085490751343, 0.168538720656777)),
    ([-5, -3, -1], EQUAL, (0.1362253542292, 0.999453378314271, 1.0, 1.0), (0.0685248863600757, 0.103615302925996)),
    ([-5, -4, -3, -2], EQUAL, (0.173946844004659, 0.99990350608629, 1.0, 1.0),
     (0.0580280273451627, 0.0917980203438368)),
    ([-1], ALONE, (0.0499957902964407, 0.0685174081253657, 0.170065802678576, 0.515990911734522),
     (0.979923226532149, 1.40081048235691)),
]  # fmt: skip


def covariance_of(size: int, numbers: dict[str, float]) -> FloatArray:
    off = np.full((size, size), numbers["covariance"])
    return off + np.eye(size) * (numbers["variance"] - numbers["covariance"])


@pytest.mark.parametrize(("periods", "numbers", "powers", "slopes"), CASES)
def test_power_and_slopes_meet_r_pretrends(
    periods: list[int], numbers: dict[str, float], powers: tuple[float, ...], slopes: tuple[float, float]
) -> None:
    shape, covariance = np.array(periods, dtype=np.float64), covariance_of(len(periods), numbers)
    for slope, power in zip(AT, powers, strict=True):
        found = 1.0 - passing_individual(slope * shape, covariance, 0.05).share
        assert found == pytest.approx(power, abs=POWER)
    for power, slope in zip((0.5, 0.8), slopes, strict=True):
        found = detectable_slope(passing_individual, shape, covariance, alpha=0.05, power=power)
        assert found == pytest.approx(slope, abs=SLOPE)
