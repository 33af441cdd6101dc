"""A wall at D = 0, a board at 0.4 in its left half and sky at −0.6 behind the wall; K = 20 px."""

from __future__ import annotations

import torch
from torch import Tensor

from simulator.layers.revealing import revealed

WIDTH, EDGE = 96, 48
BOARD, WALL, SKY = range(3)


def scene(window: int | None = None) -> tuple[Tensor, Tensor]:
    """Visible shares and disparity [3, 9, WIDTH]: with a hole in the wall from the column `window` on."""
    visible = torch.zeros(3, 9, WIDTH)
    visible[BOARD, :, :EDGE] = 1.0
    visible[WALL, :, EDGE:] = 1.0
    if window is not None:
        visible[WALL, :, window:], visible[SKY, :, window:] = 0.0, 1.0
    return visible, torch.tensor([0.4, 0.0, -0.6])[:, None, None].expand(3, 9, WIDTH).clone()


def columns(where: Tensor) -> list[int]:
    return where[4].nonzero()[:, 0].tolist()


def test_the_wall_is_seen_as_far_behind_the_board_as_rays_pass_its_edge() -> None:
    behind_board = columns(revealed(*scene(), 20.0, (-0.6, 0.4))[WALL])
    assert set(range(EDGE - 8, EDGE)) <= set(behind_board)  # K (0.4 − 0) = 8 px
    assert min(behind_board) >= EDGE - 16 - 2  # the next power of two, and the silhouette's own pixels


def test_a_whole_wall_hides_the_sky_also_beside_a_board() -> None:
    assert columns(revealed(*scene(), 20.0, (-0.6, 0.4))[SKY]) == []


def test_the_sky_is_seen_behind_the_window_s_frame_alone() -> None:
    seen = columns(revealed(*scene(window=80), 20.0, (-0.6, 0.4))[SKY])
    assert set(range(80 - 12, 80)) <= set(seen)  # K (0 + 0.6) = 12 px
    assert min(seen) >= 80 - 16 - 2


def test_a_slope_hides_what_is_behind_it() -> None:
    visible, disparity = scene()
    visible[BOARD], visible[WALL], visible[SKY] = 0.0, 1.0, 0.0
    disparity[WALL] = torch.linspace(0.4, -0.6, WIDTH)
    assert columns(revealed(visible, disparity, 20.0, (-0.6, 0.4))[SKY]) == []


def test_a_wall_just_before_the_sky_hides_it() -> None:
    visible, disparity = scene()
    disparity[WALL] = -0.59
    assert columns(revealed(visible, disparity, 20.0, (-0.6, 0.4))[SKY]) == []
