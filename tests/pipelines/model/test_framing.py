from __future__ import annotations

import numpy as np
import pytest

from pipelines.model.framing import Framing
from simulator import ThinLens


def marked(row: int, column: int, height: int = 40, width: int = 60) -> np.ndarray:
    """Black but for one block of 4 x 4 white pixels around (row, column)."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[row - 2 : row + 2, column - 2 : column + 2] = 255
    return picture


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("output", [(48, 32), (24, 16), (96, 64)])
def test_points_move_with_the_picture(output: tuple[int, int], mirrored: bool) -> None:
    """The mark's center of light lies where `point` says, cropped, scaled down and up, and mirrored."""
    framing = Framing(6, 4, 48, 32, *output, mirrored)
    x, y = framing.point(20.0, 12.0)
    shown = framing.picture(marked(12, 20))[0]
    rows, columns = np.mgrid[: output[1], : output[0]] + 0.5
    linear = shown**2.4  # close enough to light for a center
    assert (linear * columns).sum() / linear.sum() == pytest.approx(x * output[0], abs=0.05)
    assert (linear * rows).sum() / linear.sum() == pytest.approx(y * output[1], abs=0.05)


def test_a_picture_that_is_not_scaled_stays_as_it_is() -> None:
    srgb = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    framing = Framing(8, 4, 24, 16, 24, 16, is_mirrored=True)
    np.testing.assert_array_equal(framing.picture(srgb) * 255, srgb[4:20, 8:32][:, ::-1].transpose(2, 0, 1))


def test_pixels_are_mixed_in_linear_light() -> None:
    """A board of black and gray 128, seen from afar, is as bright as half the gray's light: code 93, not 64."""
    board = np.indices((32, 32)).sum(0)[..., None].repeat(3, 2) % 2 * 128
    far = Framing(0, 0, 32, 32, 8, 8).picture(board.astype(np.uint8))
    np.testing.assert_allclose(far * 255, 92.6, atol=0.6)


def test_blur_grows_with_what_is_enlarged() -> None:
    """A crop of half the side, shown as large as the whole: K doubles, and so does the blur level."""
    whole, half = Framing(0, 0, 60, 40, 30, 20), Framing(10, 10, 30, 20, 30, 20)
    assert half.scale == 2 * whole.scale
    lens = ThinLens.from_blur_level(0.5, 3.0, 60)
    for framing, level in ((whole, 3.0), (half, 6.0)):
        assert 100 * lens.blur_scale_px * framing.scale / 30 == pytest.approx(level)


def test_disparity_keeps_its_values_and_moves() -> None:
    ramp = np.broadcast_to(np.arange(60, dtype=np.float32), (40, 60))
    shown = Framing(12, 0, 24, 16, 24, 16, is_mirrored=True).disparity(ramp)
    np.testing.assert_array_equal(shown, np.broadcast_to(np.arange(35, 11, -1, dtype=np.float32), (16, 24)))


def test_a_window_outside_the_photo_is_an_error() -> None:
    with pytest.raises(ValueError, match="must lie inside 60x40 px"):
        Framing(20, 0, 48, 32, 24, 16).picture(marked(20, 30))
    with pytest.raises(ValueError, match="sides of at least 1 px"):
        Framing(0, 0, 0, 32, 24, 16)
