from __future__ import annotations

import numpy as np
import pytest

from pipelines.pictures.resizing import resized, shrunk, size_within


def test_a_shrunken_picture_is_its_block_averages() -> None:
    """4 x 6 blocks of 3 x 2 pixels: each output pixel is the mean of its block, channel by channel."""
    pixels = np.random.default_rng(0).random((12, 12, 3)).astype(np.float32)
    blocks = pixels.reshape(4, 3, 6, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(resized(pixels, 4, 6), blocks, atol=1e-6)


def test_an_enlarged_ramp_stays_a_ramp() -> None:
    """Bilinear between pixel centers: exact on a linear function, away from the rim."""
    ramp = np.broadcast_to(np.arange(8.0), (8, 8)).copy()
    large = resized(ramp, 24, 24)
    np.testing.assert_allclose(large[:, 2:-2], np.broadcast_to((np.arange(24) + 0.5) / 3 - 0.5, (24, 24))[:, 2:-2])
    assert large.min() == 0.0
    assert large.max() == 7.0


@pytest.mark.parametrize(
    ("size", "long_side", "expected"),
    [((30, 90), 45, (15, 45)), ((90, 30), 45, (45, 15)), ((30, 90), 90, (30, 90)), ((30, 90), 200, (30, 90)),
     ((2, 900), 45, (1, 45))],
)  # fmt: skip
def test_a_picture_keeps_its_aspect_and_is_never_enlarged(
    size: tuple[int, int], long_side: int, expected: tuple[int, int]
) -> None:
    picture = np.zeros((*size, 3), np.uint8)
    assert size_within(*size, long_side) == expected
    small = shrunk(picture, long_side)
    assert small.shape == (*expected, 3)
    assert small.dtype == np.uint8
    assert (small is picture) == (size == expected)
