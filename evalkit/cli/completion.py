"""`evalkit completion`: the script that lets a shell complete verbs, options, studies, estimators and settings.

The scripts are click's own, changed in two places: bash breaks words at ``=``, so the whole line is
read there; and no blank follows a word that is not finished (``study=``, ``study.design.``).
"""

from __future__ import annotations

import os
import re
from typing import Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

from evalkit.cli.main import COMPLETE, evalkit

SHELLS: Final = ("bash", "zsh", "fish")
_BREAKS: Final = re.compile(r".*[=:]")
"""What readline holds to be finished of a word: up to the last of its breaks."""

_BASH: Final = """\
%(complete_func)s() {
    local IFS=$'\\n'
    local response completion type value
    response=$(env COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" COMP_BREAKS="$COMP_WORDBREAKS" \
%(complete_var)s=bash_complete $1)
    COMPREPLY=()
    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"
        if [[ $type == 'dir' ]]; then
            compopt -o dirnames
        elif [[ $type == 'file' ]]; then
            compopt -o default
        elif [[ $type == 'plain' ]]; then
            COMPREPLY+=("$value")
            [[ $value == *[=.] ]] && compopt -o nospace
        fi
    done
    return 0
}

%(complete_func)s_setup() {
    complete -o nosort -F %(complete_func)s %(prog_name)s
}

%(complete_func)s_setup;
"""


class Bash(BashComplete):
    """Bash, with words that hold ``=``."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Words of the line up to the cursor, and the one at it."""
        line = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
        words = split_arg_string(line)
        open_word = bool(words) and not line[-1:].isspace()
        self.typed = words[-1] if open_word else ""
        return words[1:-1] if open_word else words[1:], self.typed

    def format_completion(self, item: CompletionItem) -> str:
        """A suggestion without what readline holds to be finished."""
        breaks = os.environ.get("COMP_BREAKS", "=:")
        done = _BREAKS.match(self.typed) if "=" in breaks else None
        value = item.value[done.end() :] if done and item.value.startswith(done.group()) else item.value
        return f"{item.type},{value}"


class Zsh(ZshComplete):
    """Zsh, without a blank after a key."""

    source_template = ZshComplete.source_template.replace(
        "compadd -U -V unsorted -a completions",
        "local -a open=(${(M)completions:#*[=.]}) closed=(${completions:#*[=.]})\n"
        '        [ -n "$open" ] && compadd -U -S "" -V unsorted -a open\n'
        '        [ -n "$closed" ] && compadd -U -V unsorted -a closed',
    )


_CLASSES: Final[dict[str, type[ShellComplete]]] = {"bash": Bash, "zsh": Zsh, "fish": FishComplete}


def install() -> None:
    """Let click use these classes."""
    for name, cls in _CLASSES.items():
        add_completion_class(cls, name)


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> int:
    """Print the script that completes evalkit's commands in a shell.

    \b
    bash:  echo 'eval "$(evalkit completion bash)"' >> ~/.bashrc
    zsh:   echo 'eval "$(evalkit completion zsh)"' >> ~/.zshrc     (after compinit)
    fish:  evalkit completion fish > ~/.config/fish/completions/evalkit.fish
    """  # noqa: D301 (click reads the backspace character as: keep these lines as they are)
    click.echo(_CLASSES[shell](evalkit, {}, "evalkit", COMPLETE).source())
    return 0
