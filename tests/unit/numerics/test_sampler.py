"""Judging chains, and ending a run that is interrupted."""

from __future__ import annotations

import contextlib
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from evalkit.numerics import sampler
from evalkit.numerics.sampler import SamplerSettings, resolve, run

SETTINGS = SamplerSettings("nutpie", draws=500, tune=200, chains=4, target_accept=0.9, cores=2, seed=1)


def trace(shift: float = 0.0, divergent: int = 0) -> Any:
    """Four chains of independent draws, the last one shifted."""
    import arviz as az

    rng = np.random.default_rng(0)
    effects = rng.standard_normal((4, 500, 3))
    effects[3] += shift
    diverging = np.zeros((4, 500), dtype=bool)
    diverging[0, :divergent] = True
    made: Any = az.from_dict(
        posterior={"effects": effects, "fixed": np.zeros((4, 500))},
        sample_stats={"diverging": diverging, "energy": rng.standard_normal((4, 500))},
    )
    return made


def judged(monkeypatch: pytest.MonkeyPatch, **made: Any) -> sampler.Chains:
    monkeypatch.setattr(sampler, "_run_nutpie", lambda *_: trace(**made))
    model: Any = None
    return run(model, ["effects", "fixed"], SETTINGS)


def test_chains_that_agree_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    chains = judged(monkeypatch)
    assert chains.rhat_max < 1.01
    assert min(chains.ess_bulk_min, chains.ess_tail_min) > 1_000
    assert (chains.divergences, chains.engine) == (0, "nutpie")
    assert chains.draws["effects"].shape == (4, 500, 3)


@pytest.mark.promise("fault-divergences", "fault-r-hat")
def test_a_chain_apart_and_divergences_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    chains = judged(monkeypatch, shift=1.0, divergent=7)
    assert chains.rhat_max > 1.1
    assert chains.ess_bulk_min < 400
    assert chains.divergences == 7


@pytest.mark.promise("fault-sigint")
def test_an_interrupt_cancels_the_sampler_instead_of_shortening_the_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled = []

    def wait() -> None:
        raise KeyboardInterrupt

    running = SimpleNamespace(wait=wait, cancel=lambda: cancelled.append(True))
    asked: dict[str, Any] = {}

    def sample(_: Any, **settings: Any) -> Any:
        asked.update(settings)
        return running

    fake = SimpleNamespace(compile_pymc_model=lambda *_, **__: None, sample=sample)
    monkeypatch.setitem(sys.modules, "nutpie", fake)
    model: Any = None
    with pytest.raises(KeyboardInterrupt):
        run(model, ["effects"], SETTINGS)
    assert cancelled == [True]
    assert asked["progress_bar"] is False
    assert (asked["cores"], asked["seed"]) == (2, 1)


def test_auto_takes_nutpie_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve("pymc") == "pymc"
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    assert resolve("auto") == "nutpie"
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert resolve("auto") == "pymc"


@pytest.mark.promise("fault-kill")
def test_the_fallback_starts_no_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def sample(draws: int, **settings: Any) -> Any:
        asked.update(settings, draws=draws)
        return trace()

    monkeypatch.setitem(sys.modules, "pymc", SimpleNamespace(sample=sample))
    model: Any = None
    settings = SamplerSettings("pymc", draws=500, tune=200, chains=4, target_accept=0.9, cores=2, seed=1)
    assert run(model, ["effects"], settings).engine == "pymc"
    assert (asked["cores"], asked["chains"], asked["progressbar"]) == (1, 4, False)


@pytest.mark.promise("fault-sigint")
def test_an_interrupt_ends_the_fallback_though_pymc_would_go_on_with_fewer_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def sample(*_: Any, **__: Any) -> Any:
        with contextlib.suppress(KeyboardInterrupt):  # as PyMC does
            signal.raise_signal(signal.SIGINT)
        return trace()

    monkeypatch.setitem(sys.modules, "pymc", SimpleNamespace(sample=sample))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        model: Any = None
        with pytest.raises(KeyboardInterrupt):
            run(model, ["effects"], SamplerSettings("pymc", 500, 200, 4, 0.9, 2, 1))
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_run_in_another_thread_leaves_interrupts_to_the_main_one() -> None:
    def handled() -> object:
        with sampler._interrupts_end_it():
            return signal.getsignal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
    try:
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(handled).result() is signal.default_int_handler
        assert handled() is not signal.default_int_handler, "in the main thread it listens"
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
