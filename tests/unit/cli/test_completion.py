from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.cli.main import main

EVALKIT = str(Path(sys.executable).with_name("evalkit"))
ASK_BASH = """
eval "$(evalkit completion bash)"
compopt() { echo "compopt $*"; }
COMP_LINE='%s'
COMP_POINT=${#COMP_LINE}
_evalkit_completion evalkit
printf '%%s\\n' "${COMPREPLY[@]}"
"""


def in_bash(line: str, folder: Path) -> list[str]:
    """What bash is told to put in place of the word at the end of `line`."""
    bash = shutil.which("bash")
    assert bash is not None
    path = f"{Path(EVALKIT).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "--norc", "-c", ASK_BASH % line], cwd=folder, env={**os.environ, "PATH": path}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


def asked(shell: str, words: str, current: str, folder: Path, **more: str) -> str:
    """The answer to a shell's question, as its script reads it."""
    question = {"_EVALKIT_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": current, **more}
    done = subprocess.run(
        [EVALKIT], cwd=folder, env={**os.environ, **question}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


def test_bash_completes_the_value_of_an_override_after_its_equals_sign(tmp_path: Path) -> None:
    assert in_bash("evalkit run study=castle", tmp_path) == ["castle_doctrine"]


def test_bash_puts_no_blank_behind_a_key_that_waits_for_its_value(tmp_path: Path) -> None:
    assert in_bash("evalkit run study=castle_doctrine study.design.comp", tmp_path) == [
        "compopt", "-o", "nospace", "study.design.comparison=",
    ]  # fmt: skip


def test_zsh_gets_the_whole_word(tmp_path: Path) -> None:
    assert asked("zsh", "evalkit run study=castle", "2", tmp_path) == "plain\nstudy=castle_doctrine\n_\n"


def test_fish_gets_the_whole_word(tmp_path: Path) -> None:
    assert asked("fish", "evalkit run study=castle", "study=castle", tmp_path) == "plain,study=castle_doctrine\n"


def test_verbs_are_completed_with_what_they_do(tmp_path: Path) -> None:
    assert asked("fish", "evalkit val", "val", tmp_path).startswith("plain,validate\tCheck a study's config")


def test_a_word_that_leads_nowhere_is_answered_with_silence(tmp_path: Path) -> None:
    assert asked("fish", "evalkit nonsense x", "x", tmp_path).strip() == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_names_the_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"_EVALKIT_COMPLETE={shell}_complete" in script
    assert script.count("evalkit") >= 3


def test_an_answer_needs_nothing_that_computes(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom evalkit.cli.suggestions import suggest\n"
        "print(suggest('study.design.'), suggest('estimator.', ['estimator=bayesian_did']))\n"
        "print([name for name in ('numpy', 'pandas', 'pydantic', 'hydra', 'mlflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
