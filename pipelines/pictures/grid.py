"""A contact sheet: a title, column labels, and rows of captioned pictures. Text is wrapped, never clipped."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipelines.pictures.drawing import QUIET, TEXT, Color, Drawing, Rectangle, drawable, font

Picture = npt.NDArray[np.uint8]
"""sRGB [H, W, 3]."""
MARGIN, GAP = 28, 12
TITLE_SIZE, LABEL_SIZE, CAPTION_SIZE = 24, 18, 15
MARK_RADIUS = 6
ORANGE: Color = (255, 176, 64)


@dataclass(frozen=True, eq=False)
class Cell:
    """A picture with the text below it and, where there is one, the focus point (x, y) in [0, 1] of the picture."""

    picture: Picture
    caption: str = ""
    focus_point: tuple[float, float] | None = None
    color: Color = ORANGE


@dataclass(frozen=True, eq=False)
class Row:
    """Pictures side by side, and the text above them."""

    cells: Sequence[Cell]
    label: str = ""


@dataclass(frozen=True)
class _Text:
    """Lines of one size and color; `height` includes the gap below them, and is 0 without text."""

    lines: tuple[str, ...]
    size: int
    color: Color = TEXT

    @property
    def height(self) -> int:
        return len(self.lines) * self._step + (GAP // 2 if self.lines else 0)

    @property
    def _step(self) -> int:
        return round(1.3 * self.size)

    def draw(self, sheet: Drawing, x: int, y: int) -> None:
        for number, line in enumerate(self.lines):
            sheet.text(x, y + number * self._step, line, self.size, self.color)


def contact_sheet(
    title: str,
    rows: Sequence[Row],
    *,
    column_labels: Sequence[str] = (),
    cell_width_px: int = 300,
    stretched: bool = False,
) -> Image.Image:
    """Draw the rows below each other. Every picture is scaled to `cell_width_px` pixels across.

    stretched: rows with fewer cells than others have wider ones, as wide together.

    Raises ValueError without a picture.
    """
    columns = max((len(row.cells) for row in rows), default=0)
    if not columns:
        raise ValueError("a contact sheet must have at least one picture, got none")
    across = columns * (cell_width_px + GAP) - GAP
    head = _wrapped(title, TITLE_SIZE, across)
    labels = [_wrapped(label, LABEL_SIZE, cell_width_px) for label in column_labels]
    bands = [_Band(row, across, (across + GAP) // len(row.cells) - GAP if stretched else cell_width_px) for row in rows]
    y = MARGIN + head.height
    first_row_y = y + max((label.height for label in labels), default=0)
    sheet = Drawing(across + 2 * MARGIN, first_row_y + sum(band.height for band in bands) + MARGIN - GAP)
    head.draw(sheet, MARGIN, MARGIN)
    for column, label in enumerate(labels):
        label.draw(sheet, MARGIN + column * (cell_width_px + GAP), y)
    y = first_row_y
    for band in bands:
        band.draw(sheet, y)
        y += band.height
    return sheet.image


class _Band:
    """One row as it lies on the sheet: label, pictures, captions, gap."""

    def __init__(self, row: Row, across: int, cell_width_px: int) -> None:
        self._row, self._cell_width_px = row, cell_width_px
        self._label = _wrapped(row.label, LABEL_SIZE, across, QUIET)
        self._captions = [_wrapped(cell.caption, CAPTION_SIZE, cell_width_px, QUIET) for cell in row.cells]
        shapes = [cell.picture.shape[:2] for cell in row.cells]
        self._picture_height = max(round(cell_width_px * height / width) for height, width in shapes)
        self._caption_height = max(caption.height for caption in self._captions)

    @property
    def height(self) -> int:
        return self._label.height + self._picture_height + self._caption_height + GAP

    def draw(self, sheet: Drawing, y: int) -> None:
        self._label.draw(sheet, MARGIN, y)
        top = y + self._label.height
        for column, (cell, caption) in enumerate(zip(self._row.cells, self._captions, strict=True)):
            x = MARGIN + column * (self._cell_width_px + GAP)
            place = sheet.picture(Rectangle(x, top, self._cell_width_px, self._picture_height), cell.picture)
            if cell.focus_point:
                sheet.focus_mark(place, *cell.focus_point, cell.color, radius=MARK_RADIUS)
            caption.draw(sheet, x, top + self._picture_height + 4)


def _wrapped(text: str, size: int, width_px: int, color: Color = TEXT) -> _Text:
    """Break a text at spaces, and a word wider than the line within it."""
    face = font(size)
    lines: list[str] = []
    line = ""
    for word in drawable(text).split():
        extended = f"{line} {word}" if line else word
        if face.getlength(extended) <= width_px:
            line = extended
            continue
        lines += [line] if line else []
        while face.getlength(word) > width_px:
            fits = max(1, max(count for count in range(len(word)) if face.getlength(word[:count]) <= width_px))
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    return _Text((*lines, line) if line else tuple(lines), size, color)


def signed_error(prediction: Picture, truth: Picture, gain: float) -> Picture:
    """gain * (prediction - truth) around middle gray [H, W, 3]: gray is no error, bright is too bright."""
    return (128 + gain * (prediction.astype(np.float32) - truth)).clip(0, 255).astype(np.uint8)
