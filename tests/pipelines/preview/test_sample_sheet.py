from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import UserError
from pipelines.pictures.drawing import BACKGROUND, Drawing, Rectangle, disparity_colors, font, plane_color
from pipelines.pictures.grid import MARGIN
from pipelines.preview.sample_sheet import sample_sheet, write_sample_sheets
from pipelines.render.config import RenderConfig
from shards.sample import Sample
from tests.shards.synthetic import make_sample


@pytest.fixture(scope="module")
def sample() -> Sample:
    return make_sample(3, width=48, height=32)


def pixels(sheet: Image.Image) -> np.ndarray:
    return np.asarray(sheet).astype(int)


def test_every_sample_gets_a_sheet(finished: RenderConfig) -> None:
    paths = write_sample_sheets(finished.out, limit=3)
    assert [path.name for path in paths] == ["00000000.png", "00000001.png", "00000002.png"]
    with Image.open(paths[0]) as picture:
        assert 1000 < picture.width < 2500
        assert 1000 < picture.height < 3000


def test_nothing_is_drawn_into_the_margins(sample: Sample) -> None:
    """Neither a long name nor a caption runs out of the sheet."""
    photo = dataclasses.replace(sample.record.photo, name="a very long name " * 40, license="x" * 300)
    long = dataclasses.replace(sample, record=dataclasses.replace(sample.record, photo=photo))
    drawn = pixels(sample_sheet(long))
    edge = MARGIN // 2
    for strip in (drawn[:edge], drawn[-edge:], drawn[:, :edge], drawn[:, -edge:]):
        assert np.abs(strip - np.array(BACKGROUND)).max() == 0


@pytest.mark.parametrize(("width", "height"), [(48, 32), (32, 48), (120, 40)])
def test_frames_are_as_large_as_their_area_asks_whatever_their_shape(width: int, height: int) -> None:
    sheet = sample_sheet(make_sample(0, width=width, height=height))
    planes = make_sample(0).record.planes
    across = sheet.width - 2 * MARGIN
    assert across / planes == pytest.approx(max((380 * 253 * width / height) ** 0.5, 1100 / planes), rel=0.06)


def test_every_frame_is_on_the_sheet(sample: Sample) -> None:
    """Away from the focus mark, a cell shows its own frame."""
    frames = np.stack([np.full_like(frame, 40 * (i + 1)) for i, frame in enumerate(sample.frames)])
    drawn = pixels(sample_sheet(dataclasses.replace(sample, frames=frames)))
    shades = {value for value in (40, 80, 120, 160) if (np.abs(drawn - value).max(axis=2) == 0).sum() > 10_000}
    assert shades == {40, 80, 120, 160}


@pytest.mark.parametrize(("x", "y"), [(0.25, 0.5), (0.99, 0.02)])
def test_a_focus_mark_rings_the_point_and_leaves_it_free(x: float, y: float) -> None:
    sheet = Drawing(240, 160)
    gray = np.full((100, 200, 3), 90, np.uint8)
    box = sheet.picture(Rectangle(20, 30, 200, 100), gray)
    sheet.focus_mark(box, x, y, (255, 0, 0), radius=9, label="1")
    row, column = box.y + y * box.height, box.x + x * box.width
    rows, columns = np.nonzero((pixels(sheet.image) == (255, 0, 0)).all(axis=2))
    distance = np.hypot(rows - row, columns - column)
    ring = distance < 14
    assert distance.min() > 5
    # The middle of a ring that is drawn around whole pixels: half a pixel of rounding.
    assert abs(rows[ring].mean() - row) < 1
    assert abs(columns[ring].mean() - column) < 1


def test_odd_letters_are_marked() -> None:
    marked, plain = Drawing(60, 40), Drawing(60, 40)
    marked.text(10, 5, "í写 · a", 18)
    plain.text(10, 5, "?? · a", 18)
    assert np.array_equal(pixels(marked.image), pixels(plain.image))
    assert font(18) is font(18)


def test_planes_have_colors_of_their_own() -> None:
    assert len({plane_color(plane, 6) for plane in range(6)}) == 6


def test_disparity_is_brighter_when_nearer() -> None:
    ramp = np.linspace(300, 20_000, 64).astype(np.uint16)[None]
    brightness = disparity_colors(ramp)[0].astype(int).sum(axis=1)
    assert brightness[0] < 30
    assert brightness[-1] > 500
    assert np.all(np.diff(brightness) >= -6)  # the color map's own rounding
    assert disparity_colors(np.zeros((2, 2), np.uint16)).shape == (2, 2, 3)


def test_a_data_set_without_samples_is_said(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    with pytest.raises(UserError, match=r"must hold samples, got none; see `refocus-foundry verify"):
        write_sample_sheets(tmp_path, limit=1)
