"""Run NUTS on a PyMC model and judge the chains: the only file that knows nutpie and ArviZ."""

from __future__ import annotations

import importlib.util
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evalkit.vocabulary import FloatArray

if TYPE_CHECKING:
    import pymc as pm

SamplerName = Literal["nutpie", "pymc"]


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """Length and care of a run.

    Attributes
    ----------
    sampler
        ``nutpie``, ``pymc``, or ``auto``: nutpie where it is installed.
    draws, tune, chains
        Draws kept and warm-up draws, each a chain; chains.
    target_accept
        Target acceptance probability.
    cores
        Threads of nutpie. PyMC's own sampler runs its chains one after the other in this process: its
        worker processes would outlive a parent that is killed.
    seed
        The same seed gives the same draws on the same installation; nutpie has been seen to draw
        differently from a cold and a warm compilation cache, so keep the draws.
    """

    sampler: Literal["auto", "nutpie", "pymc"]
    draws: int
    tune: int
    chains: int
    target_accept: float
    cores: int
    seed: int


@dataclass(frozen=True, slots=True)
class Chains:
    """Draws by name, each (chain, draw, ...), and figures of their convergence (Vehtari et al. 2021).

    `rhat_max`, `ess_bulk_min` and `ess_tail_min` are over all named draws that vary.
    """

    draws: Mapping[str, FloatArray]
    engine: str
    divergences: int
    rhat_max: float
    ess_bulk_min: float
    ess_tail_min: float
    energy_bfmi_min: float


@contextmanager
def without_blas_warning() -> Iterator[None]:
    """Silence one warning of PyMC's compiler: that it found no BLAS of its own.

    The models here hold no large matrix products, so the reader can do nothing useful with it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS", category=UserWarning)
        yield


def resolve(sampler: Literal["auto", "nutpie", "pymc"]) -> SamplerName:
    """Pick the sampler that will run."""
    if sampler == "auto":
        return "nutpie" if importlib.util.find_spec("nutpie") is not None else "pymc"
    return sampler


def run(model: pm.Model, names: Sequence[str], settings: SamplerSettings) -> Chains:
    """Sample a model; keep and judge the named variables.

    Parameters
    ----------
    model
        A PyMC model.
    names
        Variables to keep. Unit effects are left out of what is stored: they are as many as the units.
    settings
        Of the run.
    """
    import arviz

    az: Any = arviz  # ships no types

    name = resolve(settings.sampler)
    with without_blas_warning():
        trace = (_run_nutpie if name == "nutpie" else _run_pymc)(model, list(names), settings)
    posterior = trace.posterior[list(names)]
    varying = [key for key in names if float(np.ptp(posterior[key].to_numpy())) > 0.0]
    kept = posterior[varying]
    return Chains(
        draws={key: posterior[key].to_numpy().astype(np.float64) for key in names},
        engine=name,
        divergences=int(trace.sample_stats["diverging"].to_numpy().sum()),
        rhat_max=_extreme(az.rhat(kept, method="rank"), np.max),
        ess_bulk_min=_extreme(az.ess(kept, method="bulk"), np.min),
        ess_tail_min=_extreme(az.ess(kept, method="tail", prob=(0.05, 0.95)), np.min),
        energy_bfmi_min=float(np.min(az.bfmi(trace))),
    )


def _extreme(table: Any, pick: Callable[..., Any]) -> float:
    """Largest or smallest finite figure over all variables."""
    values = np.concatenate([table[name].to_numpy().ravel() for name in table.data_vars])
    return float(pick(values[np.isfinite(values)]))


def _run_nutpie(model: pm.Model, names: list[str], settings: SamplerSettings) -> Any:
    import nutpie

    compiled = nutpie.compile_pymc_model(model, var_names=names)
    running = nutpie.sample(
        compiled,
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        cores=min(settings.cores, settings.chains),
        seed=settings.seed,
        target_accept=settings.target_accept,
        save_warmup=False,
        progress_bar=False,
        blocking=False,
    )
    try:
        return running.wait()
    except BaseException:
        # nutpie's own blocking call turns Ctrl-C into a shorter posterior; here it ends the run.
        running.cancel()
        raise


def _run_pymc(model: pm.Model, names: list[str], settings: SamplerSettings) -> Any:
    import pymc

    with _interrupts_end_it():
        return pymc.sample(
            settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            cores=1,
            random_seed=settings.seed,
            target_accept=settings.target_accept,
            var_names=names,
            progressbar=False,
            quiet=True,
            compute_convergence_checks=False,
            model=model,
        )


class _Stopped(BaseException):
    """Ctrl-C under a name that PyMC does not know."""


@contextmanager
def _interrupts_end_it() -> Iterator[None]:
    """Let Ctrl-C end the run: PyMC takes a KeyboardInterrupt for the wish for fewer draws, and goes on."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield  # nobody here hears Ctrl-C
        return

    def renamed(number: int, frame: FrameType | None) -> None:
        try:
            before(number, frame)
        except KeyboardInterrupt:
            raise _Stopped from None

    signal.signal(signal.SIGINT, renamed)
    try:
        yield
    except _Stopped:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)
