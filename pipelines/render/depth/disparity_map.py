"""One photo's disparity, the one way from raw depth or disparity numbers to it, and its edges sharpened.

Two words say what raw numbers mean. The quantity: `disparity` (bigger is nearer) or `depth` (bigger is farther).
The kind: `relative` (scale and offset unknown) or `metric` (metres, or 1/m). Relative depth does not occur: its
inverse is not disparity under any scale and offset.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from pipelines.errors import Rejection
from pipelines.render.photos.photo import Photo
from simulator.layers.disparity import from_metric_depth, normalized
from simulator.layers.edges import sharpened
from simulator.optics.color import srgb_to_linear

Kind = Literal["relative", "metric"]
Quantity = Literal["disparity", "depth"]
Edges = Literal["as_is", "sharpened"]
UNITS: dict[Kind, str] = {"relative": "1", "metric": "1/m"}

_LEAST_SPREAD = 1e-4  # of the largest metric disparity: less is a wall seen straight on, with nothing to refocus


@dataclass(frozen=True)
class DisparityMap:
    """Disparity of one photo, bigger is nearer, pixel by pixel."""

    values: NDArray[np.float32]  # [H, W]: in [0, 1] when relative, >= 0 when metric
    kind: Kind
    unit: str  # "1" when relative, "1/m" when metric
    source: str  # model id, or what depth.json says, or `sidecar`
    source_revision: str  # commit of the model, or SHA-256 of the file
    edges: Edges = "as_is"  # sharpened: soft ones were moved to the photo's
    flags: tuple[str, ...] = ()  # oddities that were survived: eight_bit

    def __post_init__(self) -> None:
        if self.values.dtype != np.float32 or self.values.ndim != 2:
            raise ValueError(f"values must be float32 [H, W], got {self.values.dtype} {list(self.values.shape)}")
        if self.unit != UNITS.get(self.kind):
            raise ValueError(f"kind and unit must be one of {UNITS}, got {self.kind} and {self.unit}")
        low, high = float(self.values.min()), float(self.values.max())
        largest = 1.0 if self.kind == "relative" else np.finfo(np.float32).max
        if not 0 <= low <= high <= largest:  # false for NaN
            raise ValueError(f"{self.kind} disparity must lie in [0, {largest:g}], got [{low:g}, {high:g}]")


def disparity_values(raw: Tensor, quantity: Quantity, kind: Kind, *, height: int, width: int) -> NDArray[np.float32]:
    """Raw numbers [h, w] of any scale -> disparity [height, width], bigger is nearer.

    Metric depth becomes 1/m before it is resized, so that holes and sky (disparity 0) do not average as metres.

    Raises Rejection with stage "depth": `not_finite`, `constant`, `negative`.
    """
    if (quantity, kind) == ("depth", "relative"):
        raise ValueError("relative depth cannot be turned into disparity")
    raw = _from_depth(raw.float()) if quantity == "depth" else raw.float()
    disparity = resized(raw, height, width)
    if not torch.isfinite(disparity).all():
        holes = int((~torch.isfinite(raw)).sum())
        raise Rejection("depth", "not_finite", f"disparity must be finite, {holes} values are NaN or infinite")
    try:
        if kind == "relative":
            return normalized(disparity).cpu().numpy()
        return _varied(disparity).cpu().numpy()
    except ValueError as error:
        raise Rejection("depth", "constant", f"depth must vary over the photo: {error}") from error


def resized(values: Tensor, height: int, width: int) -> Tensor:
    """Bilinear, averaging where it shrinks: no value outside the range of the input. float32 [h, w] -> [height, width].

    Not `pictures.resizing`: an antialiased filter, whose last bits the data sets hang on. Bicubic, which depth
    models come with, overshoots at edges: a rim nearer than anything in the scene.
    """
    if values.shape == (height, width):
        return values
    grid = interpolate(values[None, None], (height, width), mode="bilinear", align_corners=False, antialias=True)
    return grid[0, 0].clamp(values.min(), values.max())  # the weights sum to 1 only up to rounding


def with_sharp_edges(disparity: DisparityMap, photo: Photo) -> DisparityMap:
    """The map [H, W] with its soft edges moved to the photo's; the same record where no edge is soft.

    Runs on the CPU on every machine: a GPU sums in another order, and a pixel between two depths could fall to the
    other side. Built-in scenes have exact disparity and need no sharpening.
    """
    image = srgb_to_linear(torch.from_numpy(photo.srgb).permute(2, 0, 1).float() / 255)  # [3, H, W]
    soft = torch.from_numpy(disparity.values)
    sharp = sharpened(soft, image)
    return disparity if torch.equal(sharp, soft) else replace(disparity, values=sharp.numpy(), edges="sharpened")


def _from_depth(depth_m: Tensor) -> Tensor:
    try:
        return from_metric_depth(depth_m)
    except ValueError as error:
        raise Rejection("depth", "not_finite", str(error)) from error


def _varied(disparity: Tensor) -> Tensor:
    low, high = float(disparity.min()), float(disparity.max())
    if low < 0:
        raise Rejection("depth", "negative", f"metric disparity must be >= 0, got {low:g}")
    if high - low <= _LEAST_SPREAD * high:
        raise ValueError(f"it is {high:g}/m everywhere")
    return disparity
