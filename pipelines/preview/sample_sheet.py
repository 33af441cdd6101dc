"""A contact sheet per sample: photo and disparity with the focus points, then one row of frames per blur level.

Planes run from left to right, far to near; blur levels from top to bottom, weak to strong. Each plane has one color for
its focus points and for its tick on the disparity scale.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.errors import UserError
from pipelines.pictures.drawing import Drawing, Rectangle, disparity_colors, plane_color
from pipelines.pictures.grid import Cell, Picture, Row, contact_sheet
from shards.labels import FrameLabels
from shards.reader import read_shards
from shards.sample import Sample

CELL_AREA = 380 * 253
"""Pixels of one frame on the sheet, whatever its shape."""
LEAST_WIDTH = 1100  # of the sheet, with room for the facts and two pictures
MAP_WIDTH, SCALE_WIDTH, SCALE_ROOM = 760, 18, 44
"""Photo and map with their focus points, the color bar of the disparity, and the room for it with its ticks."""


def write_sample_sheets(out: Path, *, limit: int) -> list[Path]:
    """Draw the first `limit` samples of a data set into OUT/preview/KEY.png. Returns the pictures' paths.

    Raises UserError when the data set holds no readable sample.
    """
    folder = out / "preview"
    folder.mkdir(exist_ok=True)
    paths = []
    for sample in _first_samples(out, limit):
        paths.append(folder / f"{sample.key}.png")
        sample_sheet(sample).save(paths[-1])
    return paths


def _first_samples(out: Path, limit: int) -> Iterator[Sample]:
    try:
        yield from islice(read_shards(out, seed=None), limit)
    except ValueError as error:
        raise UserError(f"{error}; see `refocus-foundry verify {out}`", exit_code=1) from error


def sample_sheet(sample: Sample) -> Image.Image:
    record = sample.record
    disparity, planes = record.disparity, record.planes
    values = sample.disparity_values()
    unit = "" if disparity.unit == "1" else " " + disparity.unit
    depth = f"disparity {values.min():.3g}{unit} (far, dark) to {values.max():.3g}{unit} (near, bright)"
    facts = (
        f"sample {sample.key}", record.split, f"scene {record.scene_id}", f"{record.width} x {record.height} px",
        f"{disparity.kind} disparity by {disparity.source}", record.photo.license, record.photo.author,
    )  # fmt: skip
    rows = [Row([Cell(_photo(sample)), Cell(_disparity(sample), depth)], "  ·  ".join(filter(None, facts)))]
    for start in range(0, len(record.frames), planes):
        first = record.frames[start]
        label = f"blur level {first.blur_level:.2f} % of the long side  ·  K = {first.blur_scale_px:.1f} px"
        rows.append(Row([_frame(sample, start + plane, plane) for plane in range(planes)], label))
    width_px = max(round((CELL_AREA * record.width / record.height) ** 0.5), LEAST_WIDTH // planes)
    return contact_sheet(record.photo.name, rows, cell_width_px=width_px, stretched=True)


def _photo(sample: Sample) -> Picture:
    return np.asarray(_with_focus_points(sample, sample.aif).image)


def _disparity(sample: Sample) -> Picture:
    """The map with the focus points, and at its right the scale with a tick per plane."""
    sheet = _with_focus_points(sample, disparity_colors(sample.disparity), SCALE_ROOM)
    values = sample.disparity_values()
    far, span = float(values.min()), float(np.ptp(values)) or 1.0
    ticks = [
        ((frame.focus_disparity - far) / span, plane_color(i, sample.record.planes)) for i, frame in _planes(sample)
    ]
    sheet.disparity_scale(Rectangle(MAP_WIDTH + 8, 0, SCALE_WIDTH, sheet.image.height), ticks)
    return np.asarray(sheet.image)


def _with_focus_points(sample: Sample, picture: Picture, room: int = 0) -> Drawing:
    height = round(MAP_WIDTH * sample.record.height / sample.record.width)
    sheet = Drawing(MAP_WIDTH + room, height)
    place = sheet.picture(Rectangle(0, 0, MAP_WIDTH, height), picture)
    for i, frame in _planes(sample):
        color = plane_color(i, sample.record.planes)
        sheet.focus_mark(place, frame.focus_x, frame.focus_y, color, radius=9, label=str(i + 1))
    return sheet


def _planes(sample: Sample) -> Iterator[tuple[int, FrameLabels]]:
    """The frames of the first level: every level has the same planes."""
    return enumerate(sample.record.frames[: sample.record.planes])


def _frame(sample: Sample, index: int, plane: int) -> Cell:
    frame = sample.record.frames[index]
    caption = (
        f"plane {plane + 1}, Df = {frame.focus_disparity:.3f}  ·  {frame.in_focus_fraction:.0%} in focus  ·  "
        f"radius p95 {frame.radius_p95_px:.1f}, max {frame.radius_max_px:.1f} px"
    )
    color = plane_color(plane, sample.record.planes)
    return Cell(sample.frames[index], caption, (frame.focus_x, frame.focus_y), color)
