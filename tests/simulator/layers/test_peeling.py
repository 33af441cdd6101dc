from __future__ import annotations

import torch

from simulator.layers.peeling import peeled
from tests.simulator.closeness import assert_close


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None, None]


def test_opaque_surfaces_come_off_one_by_one_whatever_their_order() -> None:
    coverage, disparity = column(1.0, 1.0, 1.0), column(0.2, 0.9, 0.5)
    peels = peeled(coverage, disparity, 4)
    assert [p.flatten().tolist() for p in peels] == [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0]]


def test_a_rim_and_what_is_behind_it_stay_together() -> None:
    coverage, disparity = column(0.3, 1.0, 1.0), column(0.9, 0.5, 0.1)
    first, second = peeled(coverage, disparity, 2)
    assert_close(first, column(0.3, 0.7, 0.0), atol=1e-6, what="visible")
    assert_close(second, column(0.0, 0.0, 1.0), atol=1e-6, what="behind")


def test_a_rim_of_more_than_half_lets_the_next_surface_be_whole_behind() -> None:
    first, second = peeled(column(0.6, 1.0), column(0.9, 0.5), 2)
    assert_close(first, column(0.6, 0.4), atol=1e-6, what="visible")
    assert_close(second, column(0.0, 1.0), atol=1e-6, what="behind")
