"""The line above the axes: within the sheet, however wide the labels beside them are, and in every language."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Sheet
from matplotlib.text import Text

from evalkit.report.figures import canvas

PORTUGUESE = "Efeito sobre a porcentagem de pessoas que receberam moradia em doze meses, pontos percentuais"


@pytest.mark.parametrize("labels", [["a", "b"], ["Diferenças em diferenças", "Efeitos fixos de\nPoisson, com pesos"]])
def test_a_long_title_ends_within_the_sheet(labels: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    sheets: list[Sheet] = []
    write = Sheet.savefig

    def keep(sheet: Sheet, *args: Any, **settings: Any) -> None:
        sheets.append(sheet)
        write(sheet, *args, **settings)

    monkeypatch.setattr(Sheet, "savefig", keep)

    def paint(ax: Axes) -> None:
        ax.plot([0.0, 1.0], [0, 1])
        ax.set_yticks([0, 1], labels)

    canvas.draw(paint, says=PORTUGUESE, height=2.0)
    sheet = sheets[0]
    title = sheet.axes[0].get_title(loc="left")
    sheet.draw_without_rendering()
    drawn = next(each for each in sheet.findobj(Text) if each.get_text() == title).get_window_extent(dpi=sheet.dpi)
    assert drawn.x1 <= sheet.bbox.x1
    assert title.replace("\n", " ") == PORTUGUESE
