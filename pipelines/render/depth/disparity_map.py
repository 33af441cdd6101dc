"""The disparity map of a photo, and the only way to it: raw depth debanded, inverted, resized, completed, sharpened.

Two words say what raw numbers mean. The quantity: `disparity` (bigger is nearer) or `depth` (bigger is farther).
The kind: `relative` (scale and offset unknown) or `metric` (meters, or 1/m). Relative depth does not occur: its
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
from pipelines.render.depth.completion import completed
from pipelines.render.depth.validity import metric_disparity, relative_disparity
from pipelines.render.photos.photo import Photo
from simulator.layers.debanding import debanded, quantization_of
from simulator.layers.disparity import normalized
from simulator.layers.edges import sharpened
from simulator.optics.color import srgb_to_linear

Kind = Literal["relative", "metric"]
Quantity = Literal["disparity", "depth"]
Edges = Literal["as_is", "sharpened"]
Steps = Literal["as_is", "debanded"]
UNITS: dict[Kind, str] = {"relative": "1", "metric": "1/m"}

_LEAST_SPREAD = 1e-4  # of the largest metric disparity: less is a wall seen straight on, with nothing to refocus
_LEAST_KNOWN = 0.5  # of the weights that make a pixel: with less of them known, the pixel is unknown


@dataclass(frozen=True)
class DisparityMap:
    """Disparity of one photo, bigger is nearer, pixel by pixel."""

    values: NDArray[np.float32]  # [H, W]: in [0, 1] when relative, >= 0 when metric
    kind: Kind
    unit: str  # "1" when relative, "1/m" when metric
    source: str  # model id, or what depth.json says, or `sidecar`
    source_revision: str  # commit of the model, or SHA-256 of the file
    edges: Edges = "as_is"  # sharpened: soft ones were moved to the photo's
    quantization_levels: int = 0  # distinct values of the raw map; 0: exact, of a built-in scene
    steps: Steps = "as_is"  # debanded: the steps of 8 bits or fewer were made slopes
    filled: NDArray[np.bool_] | None = None  # [H, W]: where disparity was unknown; None: nowhere
    is_turn_assumed: bool = False  # the photo was turned upright, and nobody stated whether its map was

    def __post_init__(self) -> None:
        if self.values.dtype != np.float32 or self.values.ndim != 2:
            raise ValueError(f"values must be float32 [H, W], got {self.values.dtype} {list(self.values.shape)}")
        if self.unit != UNITS.get(self.kind):
            raise ValueError(f"kind and unit must be one of {UNITS}, got {self.kind} and {self.unit}")
        low, high = float(self.values.min()), float(self.values.max())
        largest = 1.0 if self.kind == "relative" else np.finfo(np.float32).max
        if not 0 <= low <= high <= largest:  # false for NaN
            raise ValueError(f"{self.kind} disparity must lie in [0, {largest:g}], got [{low:g}, {high:g}]")
        if self.filled is not None and (self.filled.dtype != np.bool_ or self.filled.shape != self.values.shape):
            raise ValueError(f"filled must be bool {list(self.values.shape)}, got {list(self.filled.shape)}")

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where the disparity was measured or estimated, not filled in, [H, W]."""
        return np.ones(self.values.shape, np.bool_) if self.filled is None else ~self.filled


PreparedDepth = DisparityMap | Rejection | Tensor
"""A photo's map, why it has none, or the input [1, 3, h, w] from which a depth model makes the map."""


@dataclass(frozen=True)
class RawDepth:
    """Depth or disparity of any scale, as a file or a network gives it, with its quantity, kind and source.

    NaN is unknown; validity.py says which other values are.
    """

    values: Tensor  # [h, w]
    quantity: Quantity
    kind: Kind
    source: str
    source_revision: str

    def __post_init__(self) -> None:
        if (self.quantity, self.kind) == ("depth", "relative"):
            raise ValueError("relative depth cannot be turned into disparity")


def disparity_map(raw: RawDepth, srgb: NDArray[np.uint8], *, deband: bool = True) -> DisparityMap:
    """Raw depth of any size -> disparity of the size of the photo `srgb` [H, W, 3].

    With `deband`, maps of 8 bits and fewer lose their steps: before depth is inverted and before anything is resized,
    since only then all steps are of one size. Metric depth becomes 1/m before it is resized, so that sky (disparity 0)
    does not average as meters. Unknown pixels take no part in any of this; they are filled last, and marked.

    Raises Rejection with stage "depth": `no_depth`, `constant`.
    """
    values = raw.values.float()
    measured = values > 0 if raw.quantity == "depth" else torch.isfinite(values)
    without_holes = values.masked_fill(~measured, torch.nan)
    quantization = quantization_of(without_holes)
    step = quantization.step if deband else None
    if step:
        values = torch.where(measured, debanded(without_holes, step), values)
    is_depth = raw.quantity == "depth"
    disparity = metric_disparity(values, is_depth=is_depth) if raw.kind == "metric" else relative_disparity(values)
    scaled, known = _scaled(*_resized_known(disparity, *srgb.shape[:2]), raw.kind)
    return DisparityMap(
        completed(scaled, known, srgb),
        raw.kind,
        UNITS[raw.kind],
        raw.source,
        raw.source_revision,
        quantization_levels=quantization.levels,
        steps="debanded" if step else "as_is",
        filled=None if known.all() else ~known,
    )


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


def _resized_known(disparity: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Disparity [h, w] with NaN where unknown -> disparity [height, width], and where it is known.

    Unknown pixels have no weight: they do not make the known ones beside them farther.
    """
    known = ~torch.isnan(disparity)
    if known.all():
        return resized(disparity, height, width), torch.ones((height, width), dtype=torch.bool, device=known.device)
    weight = resized(known.to(disparity.dtype), height, width)
    total = resized(disparity.nan_to_num(0.0), height, width)
    low, high = disparity[known].min(), disparity[known].max()
    return (total / weight.clamp(min=1e-6)).clamp(low, high), weight >= _LEAST_KNOWN


def _scaled(disparity: Tensor, known: Tensor, kind: Kind) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Relative disparity in [0, 1], metric disparity as it is; both [H, W], with the pixels that are known."""
    try:
        if not known.any():
            raise ValueError("no pixel is left at the size of the photo")
        values = (normalized if kind == "relative" else _varied)(disparity[known][None])[0]
    except ValueError as error:
        raise Rejection("depth", "constant", f"depth must vary over the photo: {error}") from error
    scaled = torch.zeros_like(disparity).masked_scatter(known, values)
    return scaled.cpu().numpy(), known.cpu().numpy()


def _varied(disparity: Tensor) -> Tensor:
    low, high = float(disparity.min()), float(disparity.max())
    if high - low <= _LEAST_SPREAD * high:
        raise ValueError(f"it is {high:g}/m everywhere")
    return disparity
