from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from pipelines.pictures.grid import Cell, Row, contact_sheet, signed_error

LONG = "a caption of many words that says what the picture above it shows and does not fit into one line"


def gray(level: int, height: int = 40, width: int = 60) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def pixels(sheet: Image.Image) -> np.ndarray:
    return np.asarray(sheet.convert("L")).astype(int)


def ink(region: np.ndarray) -> float:
    """How much text there is: light above the background."""
    return float((region - region.min()).sum())


def test_every_picture_is_shown_at_its_place() -> None:
    rows = [Row([Cell(gray(60)), Cell(gray(120))]), Row([Cell(gray(180)), Cell(gray(240))])]
    shown = pixels(contact_sheet("", rows, cell_width_px=60))
    middles = [
        (int(ys.mean()), int(xs.mean())) for ys, xs in (np.nonzero(shown == level) for level in (60, 120, 180, 240))
    ]
    (top_left, top_right, bottom_left, bottom_right) = middles
    assert top_left[0] == top_right[0] < bottom_left[0] == bottom_right[0]
    assert top_left[1] == bottom_left[1] < top_right[1] == bottom_right[1]
    for level in (60, 120, 180, 240):
        assert (shown == level).sum() == 60 * 40


def test_pictures_keep_their_shape() -> None:
    shown = pixels(contact_sheet("", [Row([Cell(gray(120)), Cell(gray(200, height=60, width=30))])], cell_width_px=60))
    assert (shown == 120).sum() == 60 * 40
    assert (shown == 200).sum() == 60 * 120


@pytest.mark.parametrize("place", ["title", "column", "row", "caption"])
def test_long_text_is_wrapped_and_all_of_it_is_there(place: str) -> None:
    """As much ink as on a sheet on which it fits into one line, within the margins and above the next picture."""

    def text_of(cell_width_px: int) -> np.ndarray:
        texts = {place: LONG}
        row = Row([Cell(gray(24), texts.get("caption", ""))], texts.get("row", ""))
        sheet = contact_sheet(
            texts.get("title", ""), [row], column_labels=[texts.get("column", "")], cell_width_px=cell_width_px
        )
        shown = pixels(sheet)
        return np.where(shown > 40, shown - 24, 0)

    one_line, wrapped = text_of(2000), text_of(150)
    assert wrapped.shape[0] > 100
    assert ink(wrapped) == pytest.approx(ink(one_line), rel=0.03)
    assert not wrapped[:, :20].any()
    assert not wrapped[:, -20:].any()
    assert not wrapped[:10].any()
    assert not wrapped[-10:].any()


def test_a_word_wider_than_the_cell_is_broken() -> None:
    name = "photo-" + "x" * 60 + ".jpg"
    narrow, wide = (
        pixels(contact_sheet("", [Row([Cell(gray(24), name)])], cell_width_px=width)) for width in (120, 2000)
    )
    assert ink(np.where(narrow > 40, narrow, 24)) == pytest.approx(ink(np.where(wide > 40, wide, 24)), rel=0.03)


def test_captions_stay_in_their_column() -> None:
    shown = pixels(contact_sheet("", [Row([Cell(gray(24), LONG), Cell(gray(24))])], cell_width_px=120))
    middle = shown.shape[1] // 2
    assert (shown[:, :middle] > 60).any()
    assert not (shown[:, middle:] > 60).any()


def test_the_focus_point_is_marked() -> None:
    plain, marked = (
        pixels(contact_sheet("", [Row([Cell(gray(120), focus_point=point)])], cell_width_px=240))
        for point in (None, (0.25, 0.75))
    )
    rows, columns = np.nonzero(plain != marked)
    left, top = (int(axis.min()) for axis in np.nonzero(plain == 120)[::-1])
    assert (columns.mean() - left) / 240 == pytest.approx(0.25, abs=0.01)
    assert (rows.mean() - top) / 160 == pytest.approx(0.75, abs=0.01)


def test_a_sheet_without_pictures_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        contact_sheet("nothing", [])


def test_the_error_is_signed_around_gray() -> None:
    error = signed_error(gray(110), gray(100), 3)
    assert (error == 158).all()
    assert (signed_error(gray(100), gray(110), 3) == 98).all()
    assert (signed_error(gray(255), gray(0), 3) == 255).all()
