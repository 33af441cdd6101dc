"""The opponent on a GPU makes the picture that its twin makes; and GPUs can be given it."""

from __future__ import annotations

import pytest
import torch

from pipelines.bench.subject import lenses_through, photo_like, sampled
from simulator.reference import scatter as reference
from tests.kernels.compiled import ptx

pytestmark = pytest.mark.kernels

RIM = 1e-3  # the twin's discs end further out, where each pixel has less than 4e-4 of the weight of one inside


def test_direct_scatter_is_its_twin() -> None:
    from pipelines.bench.direct_scatter_cuda import direct_scatter

    square = photo_like(40)
    image, disparity = square.image[:, :33], square.disparity[:33]
    for lens in sampled(lenses_through(disparity, 4.0)):
        expected = reference.direct_scatter(image, disparity, lens)
        torch.testing.assert_close(direct_scatter(image, disparity, lens), expected, atol=RIM, rtol=0)


@pytest.mark.parametrize("architecture", [80, 90])
def test_it_compiles_for_gpus_that_are_not_here(architecture: int) -> None:
    assert ".entry _gathered" in ptx("pipelines.bench.direct_scatter_cuda", "_kernel", architecture)
