from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.refocus.working_size import WorkingSize, working_long_side


@pytest.mark.parametrize(("width", "height"), [(96, 64), (90, 61), (7, 50), (200, 33)])
def test_there_and_back_is_the_photo(width: int, height: int) -> None:
    """Whole patches, the photo in the corner, and the very same pixels out when nothing is scaled."""
    srgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    size = WorkingSize.for_photo((width, height), 200, 8)
    picture = size.picture(srgb)
    assert picture.shape[1] % 8 == picture.shape[2] % 8 == 0
    assert picture.shape[1:] == (size.padded_height, size.padded_width)
    if min(width, height) >= 8:
        np.testing.assert_array_equal(size.photo(picture, width, height), srgb)


def test_points_keep_their_pixel() -> None:
    size = WorkingSize.for_photo((90, 61), 200, 8)  # padded to 96 x 64
    assert size.point_px(45.5 / 90, 30.5 / 61) == pytest.approx((45.5, 30.5))


def test_large_photos_are_scaled_and_come_back_at_their_size() -> None:
    srgb = np.zeros((400, 600, 3), np.uint8)
    srgb[:, 300:] = 200
    size = WorkingSize.for_photo((600, 400), 96, 8)
    assert (size.width, size.height) == (96, 64)
    back = size.photo(size.picture(srgb), 600, 400)
    assert back.shape == srgb.shape
    assert np.abs(back[:, :280].astype(int)).max() < 3
    assert np.abs(back[:, 320:].astype(int) - 200).max() < 3


def test_disparity_is_padded_like_the_picture() -> None:
    values = np.random.default_rng(0).random((61, 90), np.float32)
    size = WorkingSize.for_photo((90, 61), 200, 8)
    shown = size.disparity(values)
    assert shown.shape == (64, 96)
    torch.testing.assert_close(shown[:61, :90], torch.from_numpy(values))
    assert shown.min() >= 0
    assert shown.max() <= 1


@pytest.mark.parametrize(
    ("photo", "blur_level", "in_tiles", "expected"),
    [
        (600, 2.0, True, 600),  # hardly larger than trained: in one piece
        (4000, 2.0, False, 512),  # without depth: at the trained size
        (4000, 4.0, True, 1536),  # tiles that see no more than the trained 12 %
        (4000, 1.0, True, 4000),  # weak blur: at full size
        (4000, 11.0, True, 512),  # strong blur: tiles would be no gain
    ],
)
def test_how_large_a_photo_is_worked_on(photo: int, blur_level: float, in_tiles: bool, expected: int) -> None:
    assert working_long_side(photo, 512, blur_level, 12.0, in_tiles) == expected
