from __future__ import annotations

from typing import Any

import pytest

from evalkit.config.safety import calls_resolver, refuse_code, refuse_launch_code
from evalkit.errors import ConfigError


@pytest.mark.parametrize(
    ("container", "path"),
    [
        ({"_target_": "os.system"}, "_target_"),
        ({"estimator": {"prior": {"_target_": "pandas.read_pickle"}}}, "estimator.prior._target_"),
        ({"study": {"robustness": [{"settings": {"_target_": "x"}}]}}, "study.robustness.0.settings._target_"),
        ({"a": [[{"_target_": None}]]}, "a.0.0._target_"),
    ],
)
@pytest.mark.promise("trap-05")
def test_target_is_refused_at_any_depth_and_in_lists(container: dict[str, Any], path: str) -> None:
    with pytest.raises(ConfigError, match="never name code") as caught:
        refuse_code(container)
    assert f"'{path}'" in caught.value.what


@pytest.mark.parametrize(
    "value",
    ["${oc.env:HOME}", "${oc.decode:x}", "${my.resolver:1}", "a ${ oc.env : HOME } b", "${${a}:b}", "${a:${b}}"],
)
@pytest.mark.promise("trap-05", "secure-environment")
def test_every_interpolation_that_calls_a_resolver_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="calls a resolver"):
        refuse_code({"study": {"title": [value]}})


@pytest.mark.parametrize(
    "value", ["${study.design.anticipation}", "effect: ${study.id}", "12:30", "{a: b}", "$ {a: b}"]
)
def test_references_to_keys_and_plain_colons_stay_allowed(value: str) -> None:
    assert not calls_resolver(value)


def test_hydras_own_launchers_and_python_s_handlers_pass() -> None:
    refuse_launch_code(
        {
            "launcher": {"_target_": "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"},
            "sweeper": {"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"},
            "job_logging": {"handlers": {"console": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}}},
            "callbacks": {},
            "job": {"env_set": {}, "env_copy": []},
        }
    )


@pytest.mark.parametrize(
    "node",
    [
        {"launcher": {"_target_": "subprocess.Popen"}},
        {"sweeper": {"_target_": "hydra.utils.call"}},
        {"callbacks": {"mine": {"_target_": "hydra._internal.core_plugins.x"}}},
        {"job_logging": {"handlers": {"x": {"()": "os.system"}}}},
        {"job_logging": {"handlers": {"x": {"class": "subprocess.Popen"}}}},
        {"job": {"env_set": {"LD_PRELOAD": "x.so"}}},
    ],
)
@pytest.mark.promise("trap-05")
def test_what_would_run_code_through_hydras_settings_is_refused(node: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="is refused"):
        refuse_launch_code(node)
