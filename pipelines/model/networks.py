"""The networks by name: transformers (dit.py) and convolutional ones (unet.py)."""

from collections.abc import Iterator

from torch import nn

from pipelines.model.dit import SIZES, DiT
from pipelines.model.recomputed import Recomputed
from pipelines.model.unet import UNETS, UNet

PATCH_PX = {**{name: size.patch_px for name, size in SIZES.items()}, **{name: u.patch_px for name, u in UNETS.items()}}
"""Sides of a picture are multiples of it, pixels."""


def new_network(name: str, predict: str) -> nn.Module:
    """Random weights. A convolutional one that predicts the photo also estimates the reference's own blur.

    Raises KeyError for a name that is none.
    """
    return UNet(UNETS[name], has_blur_map=predict == "photo") if name in UNETS else DiT(SIZES[name])


def blocks_of(network: nn.Module) -> Iterator[Recomputed]:
    """The parts that are compiled and whose activations can be computed again: most of the work."""
    return (module for module in network.modules() if isinstance(module, Recomputed))
