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


def test_a_peel_holds_what_as_many_nearer_surfaces_hide() -> None:
    coverage, disparity = column(0.3, 1.0, 0.5), column(0.9, 0.5, 0.1)
    first, second, third = peeled(coverage, disparity, 3)
    assert_close(first, column(0.3, 0.7, 0.0), atol=1e-6, what="visible")
    assert_close(second, column(0.0, 0.3, 0.5 * 0.7), atol=1e-6, what="behind one")
    assert_close(third, column(0.0, 0.0, 0.5 * 0.3), atol=1e-6, what="behind two")


def test_all_peels_of_a_surface_add_up_to_its_coverage() -> None:
    random = torch.Generator().manual_seed(1)
    coverage, disparity = torch.rand(4, 6, 5, generator=random), torch.rand(4, 6, 5, generator=random)
    assert_close(torch.stack(peeled(coverage, disparity, 4)).sum(0), coverage, atol=1e-6, what="sum of peels")
