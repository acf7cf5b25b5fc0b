from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from evalkit.report.figures.canvas import draw, one_line, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _diagonal(ax: Axes) -> None:
    ax.plot([0, 1], [0, 1], label="line")


def test_the_same_marks_give_the_same_bytes() -> None:
    assert draw(_diagonal, says="x", height=2.0) == draw(_diagonal, says="x", height=2.0)


def test_files_carry_no_date_and_no_program() -> None:
    svg, png = draw(_diagonal, says="x", height=2.0)
    assert b"dc:date" not in svg
    assert b"tEXtSoftware" not in png
    assert b"tEXtCreation" not in png


def test_a_dollar_sign_and_letters_that_the_font_lacks_are_drawn_without_complaint() -> None:
    svg, _ = draw(_diagonal, says="costs $5 and $6 in 東京\x00 <b>", height=2.0)
    assert svg.startswith(b"<?xml")


def test_pyplot_is_never_loaded() -> None:
    program = (
        "import sys; from evalkit.report.figures.canvas import draw; "
        "draw(lambda ax: ax.plot([0, 1], [0, 1]), says='x', height=2.0); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_labels_are_one_line_and_bounded() -> None:
    assert one_line("a\n\tb\x07c") == "a b c"
    assert len(one_line("x" * 500, limit=60)) == 60


def test_wrapping_keeps_at_most_the_lines_asked_for() -> None:
    assert wrapped("word " * 100, 20, lines=3).count("\n") == 2
