"""The renderers that `validate` compares; each gets the same all-in-focus picture, disparity and lenses."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from simulator import ThinLens, render_stack
from simulator.reference.scatter import binned_scatter, direct_scatter, occlusion_aware_layers, over_composite

Method = Callable[[Tensor, Tensor, Sequence[ThinLens]], Tensor]


def _frame_by_frame(kernel: Callable[[Tensor, Tensor, ThinLens], Tensor]) -> Method:
    return lambda image, disparity, lenses: torch.stack([kernel(image, disparity, lens) for lens in lenses])


METHODS: dict[str, Method] = {
    "ours": render_stack,
    "direct scatter": _frame_by_frame(direct_scatter),
    "binned scatter": _frame_by_frame(binned_scatter),
    "over-compositing": _frame_by_frame(over_composite),
    "Ikoma 2021": _frame_by_frame(occlusion_aware_layers),
}
