"""One contact sheet a sample: photo with focus points, disparity, and every frame in a grid of planes and levels.

Planes run from left to right, far to near; blur levels from top to bottom, weak to strong. A plane has one colour:
its mark in the photo, its tick on the disparity scale, the head of its column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pipelines.errors import UserError
from pipelines.pictures.drawing import QUIET, Box, Color, Sheet, disparity_colors, plane_color
from shards.reader import read_shards
from shards.sample import FrameLabels, Sample

MARGIN = 44
GAP = 14
CELL_AREA = 380 * 253
"""Pixels of one frame on the sheet, whatever its shape."""
TITLE_HEIGHT = 84
TOP_HEIGHT = 470
COLUMN_HEAD = 44
ROW_HEAD = 30
CAPTION = 46
SECTION_GAP = 22
SCALE_WIDTH = 18
SCALE_ROOM = 96
"""Colour bar, ticks and their figures."""


@dataclass(frozen=True)
class Layout:
    """Where things lie: follows from the number of planes and levels and the shape of the photo."""

    planes: int
    levels: int
    cell_width: int
    cell_height: int

    @classmethod
    def of(cls, sample: Sample) -> Layout:
        record = sample.record
        width = round((CELL_AREA * record.width / record.height) ** 0.5)
        return cls(record.planes, record.levels, width, round(width * record.height / record.width))

    @property
    def content_width(self) -> int:
        grid = self.planes * self.cell_width + (self.planes - 1) * GAP
        return max(grid, 1100)  # room for the title and two pictures above a narrow grid

    @property
    def sheet_width(self) -> int:
        return self.content_width + 2 * MARGIN

    @property
    def grid_top(self) -> int:
        return MARGIN + TITLE_HEIGHT + TOP_HEIGHT + SECTION_GAP

    @property
    def row_height(self) -> int:
        return ROW_HEAD + self.cell_height + CAPTION

    @property
    def sheet_height(self) -> int:
        return self.grid_top + COLUMN_HEAD + self.levels * self.row_height + MARGIN // 2

    def column_x(self, plane: int) -> int:
        grid = self.planes * self.cell_width + (self.planes - 1) * GAP
        return MARGIN + (self.content_width - grid) // 2 + plane * (self.cell_width + GAP)

    def row_y(self, level: int) -> int:
        return self.grid_top + COLUMN_HEAD + level * self.row_height


def write_contact_sheets(out: Path, *, limit: int) -> list[Path]:
    """Draw the first `limit` samples of a data set into OUT/preview/KEY.png. Returns the pictures' paths.

    Raises UserError when the data set holds no readable sample.
    """
    folder = out / "preview"
    folder.mkdir(exist_ok=True)
    paths = []
    for sample in _first_samples(out, limit):
        path = folder / f"{sample.key}.png"
        contact_sheet(sample).image.save(path)
        paths.append(path)
    return paths


def _first_samples(out: Path, limit: int) -> Iterator[Sample]:
    try:
        yield from islice(read_shards(out, seed=None), limit)
    except ValueError as error:
        raise UserError(f"{error}; see `refocus-foundry verify {out}`", exit_code=1) from error


def contact_sheet(sample: Sample) -> Sheet:
    """Draw one sample."""
    layout = Layout.of(sample)
    sheet = Sheet(layout.sheet_width, layout.sheet_height)
    colors = [plane_color(plane, layout.planes) for plane in range(layout.planes)]
    _draw_title(sheet, layout, sample)
    _draw_photo_and_disparity(sheet, layout, sample, colors)
    _draw_grid(sheet, layout, sample, colors)
    return sheet


def _draw_title(sheet: Sheet, layout: Layout, sample: Sample) -> None:
    record = sample.record
    photo, disparity = record.photo, record.disparity
    sheet.text(MARGIN, MARGIN - 8, photo.name, 30, width=layout.content_width)
    facts = [
        f"sample {sample.key}",
        record.split,
        f"scene {record.scene_id}",
        f"{record.width} x {record.height} px",
        f"disparity: {disparity.kind}, {disparity.source}",
        *(text for text in (photo.license, photo.author) if text),
    ]
    sheet.text(MARGIN, MARGIN + 36, "   ·   ".join(facts), 17, color=QUIET, width=layout.content_width)


def _draw_photo_and_disparity(sheet: Sheet, layout: Layout, sample: Sample, colors: list[Color]) -> None:
    width = (layout.content_width - GAP - SCALE_ROOM) // 2
    top = MARGIN + TITLE_HEIGHT
    stack = sample.record.frames[: layout.planes]  # the planes are the same on every level
    left = sheet.picture(Box(MARGIN, top, width, TOP_HEIGHT), sample.aif)
    right = sheet.picture(Box(MARGIN + width + GAP, top, width, TOP_HEIGHT), disparity_colors(sample.disparity))
    for plane, frame in enumerate(stack):
        for picture in (left, right):
            sheet.focus_mark(picture, frame.focus_x, frame.focus_y, colors[plane], radius=9, label=str(plane + 1))
    values = sample.disparity_values()
    far, near = float(values.min()), float(values.max())
    span = (near - far) or 1.0
    bar = Box(MARGIN + 2 * width + 2 * GAP, top + 30, SCALE_WIDTH, TOP_HEIGHT - 60)
    sheet.disparity_scale(bar, [((f.focus_disparity - far) / span, colors[i]) for i, f in enumerate(stack)])
    unit = "" if sample.record.disparity.unit == "1" else " " + sample.record.disparity.unit
    sheet.text(bar.x, top, f"{near:.3g}{unit} near", 16, color=QUIET)
    sheet.text(bar.x, top + TOP_HEIGHT - 22, f"{far:.3g}{unit} far", 16, color=QUIET)


def _draw_grid(sheet: Sheet, layout: Layout, sample: Sample, colors: list[Color]) -> None:
    frames = sample.record.frames
    for plane in range(layout.planes):
        x, y = layout.column_x(plane), layout.grid_top
        sheet.dot(x + 7, y + 15, colors[plane])
        head = f"plane {plane + 1}:  Df = {frames[plane].focus_disparity:.3f}"
        sheet.text(x + 24, y + 3, head, 20, width=layout.cell_width - 24)
    for level in range(layout.levels):
        first = frames[level * layout.planes]
        head = f"blur level {first.blur_level:.2f} % of the long side   ·   K = {first.blur_scale_px:.1f} px"
        sheet.text(layout.column_x(0), layout.row_y(level) + 2, head, 17, color=QUIET, width=layout.content_width)
    for index, frame in enumerate(frames):
        level, plane = divmod(index, layout.planes)
        x, y = layout.column_x(plane), layout.row_y(level) + ROW_HEAD
        picture = sheet.picture(Box(x, y, layout.cell_width, layout.cell_height), sample.frames[index])
        sheet.focus_mark(picture, frame.focus_x, frame.focus_y, colors[plane], radius=7)
        sheet.text(x, y + layout.cell_height + 6, _caption(frame), 15, color=QUIET, width=layout.cell_width)


def _caption(frame: FrameLabels) -> str:
    p95, largest = frame.radius_p95_px, frame.radius_max_px
    return f"{frame.in_focus_fraction:.0%} in focus  ·  r95 {p95:.1f}  ·  max {largest:.1f} px"
