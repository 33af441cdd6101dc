"""What is sharpened must be the photo when it is blurred again."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from pipelines.refocus.back_projection import back_projected
from pipelines.refocus.sharpener import Unsharpened
from pipelines.refocus.sharpening import sharpened_photo
from simulator import ThinLens
from tests.pipelines.refocus.known_photo import card, frame

PHOTO, DEPTH = card(128, 192)
PHOTO = 0.05 + 0.85 * functional.interpolate(PHOTO[None, :, ::3, ::3], (128, 192), mode="bilinear")[0]  # not clipped
FAR, NEAR = ThinLens(0.1, 4.0), ThinLens(0.9, 4.0)


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


class Blackened(Unsharpened):
    def sharpened(self, picture: torch.Tensor, own_defocus_px: torch.Tensor, disparity: torch.Tensor) -> torch.Tensor:
        return torch.full_like(picture, -1.0)


def test_black_stays_light_where_tiles_overlap() -> None:
    """Changes of two tiles, blended, are a rounding error away from the photo's light: nothing below 0 is rendered."""
    photo = torch.rand(3, 40, 700, generator=torch.Generator().manual_seed(0))
    made = sharpened_photo(Blackened(), photo, torch.full((40, 700), 0.5), NEAR)
    assert made.isfinite().all()
    assert made.min() >= 0.0


def test_a_clipped_lamp_gets_no_dark_rim() -> None:
    scene = PHOTO * 0.2
    scene[:, 48:51, 10:13] = 60.0
    photo = frame(scene, DEPTH, NEAR).clamp(max=1.0)
    made = back_projected(photo, photo, DEPTH, NEAR)
    around = np.s_[:, 40:59, 2:21]
    assert float(made[around].min()) > 0.5 * float(photo[around].min())
