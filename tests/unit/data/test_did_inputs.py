"""What the Bayesian model of counts and shares reads of a panel."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.data.did_inputs import read_inputs
from evalkit.errors import ConfigError, DataError
from tests.frames import long_frame, read

COUNTS = np.arange(12.0)


def test_counts_have_the_logarithm_of_their_exposure_as_offset_and_one_trial() -> None:
    people = np.linspace(50.0, 105.0, 12)
    found = read_inputs(read(long_frame(y=COUNTS, people=people), exposure="people"), (), None, "poisson").responses
    assert found is not None
    np.testing.assert_array_equal(found.offset, np.log(people.reshape(3, 4)))
    np.testing.assert_array_equal(found.trials, 1.0)
    bare = read_inputs(read(long_frame(y=COUNTS)), (), None, "poisson").responses
    assert bare is not None
    np.testing.assert_array_equal(bare.offset, 0.0)


def test_successes_have_trials_that_are_named_and_no_fewer() -> None:
    with pytest.raises(ConfigError, match="the panel has no exposure"):
        read_inputs(read(long_frame(y=COUNTS)), (), None, "binomial")
    panel = read(long_frame(y=COUNTS, trials=[10.0] * 12), exposure="trials")
    with pytest.raises(DataError, match="a whole number of trials, no fewer than the successes"):
        read_inputs(panel, (), None, "binomial")
    found = read_inputs(read(long_frame(y=COUNTS, trials=[11.0] * 12), exposure="trials"), (), None, "binomial")
    assert found.responses is not None
    np.testing.assert_array_equal(found.responses.offset, 0.0)
    np.testing.assert_allclose(found.reported, 100.0 * COUNTS.reshape(3, 4) / 11.0, rtol=1e-14)
