"""What is sharpened must be the photo when it is blurred again."""

from __future__ import annotations

import numpy as np
import torch

from pipelines.refocus.back_projection import back_projected
from pipelines.refocus.sharpener import Unsharpened
from pipelines.refocus.sharpening import sharpened_photo
from simulator import ThinLens
from tests.pipelines.refocus.known_photo import card, frame

PHOTO, DEPTH = card()
FAR, NEAR = ThinLens(0.1, 6.0), ThinLens(0.9, 6.0)


def error(made: torch.Tensor, true: torch.Tensor) -> float:
    return float((made - true).square().mean())


def test_detail_comes_back_without_a_network() -> None:
    for lens in (FAR, NEAR):
        photo = frame(PHOTO, DEPTH, lens)
        made = sharpened_photo(Unsharpened(), photo, DEPTH, lens)
        assert error(made, PHOTO) < 0.97 * error(photo, PHOTO)  # white noise is hard
        assert error(frame(made, DEPTH, lens), photo) < 0.5 * error(frame(photo, DEPTH, lens), photo)


def test_the_true_picture_stays() -> None:
    """Also where clipped lights of the photo show less than there was."""
    bright = PHOTO.clone()
    bright[:, 30:34, 20:24] = 20.0
    photo = frame(bright, DEPTH, NEAR).clamp(max=1.0)
    made = back_projected(bright, photo, DEPTH, NEAR)
    np.testing.assert_allclose(made.numpy(), bright.numpy(), atol=1e-3)
