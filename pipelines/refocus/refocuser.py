"""A trained model as a function: photo, depth, focus point and blur level in, refocused photo out."""

from __future__ import annotations

import dataclasses
import logging
import math
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipelines.errors import UserError
from pipelines.model.checkpoint import TrainedOn, load_averaged
from pipelines.model.dit import Condition
from pipelines.model.sampler import Predict, SamplerConfig, guided, sample, seeded_noise
from pipelines.refocus.canvas import WHOLE, Canvas, canvas_of, working_long_side
from pipelines.refocus.tiling import Tile, blended, cut

_log = logging.getLogger(__name__)

Resolution = Literal["auto", "trained"]
OVERLAP = 0.25
SLACK = 0.01
"""Blur levels that lie this share beyond the trained ones are rounding, not another blur."""


class Refocuser:
    """The averaged weights of a run's newest checkpoint. Made by `from_run`."""

    def __init__(self, model: nn.Module, trained_on: TrainedOn, device: str, sampler: SamplerConfig) -> None:
        self.trained_on = trained_on
        self.model = model.to(device).eval()
        self._device, self._sampler = device, sampler

    @classmethod
    def from_run(
        cls, run: Path, device: str = "cpu", steps: int | None = None, sampler: SamplerConfig | None = None
    ) -> Refocuser:
        """Load RUN. `steps` of the sampler, in place of its default.

        Raises UserError: no run, no checkpoint yet, damaged files, weights of another model.
        """
        model, trained_on = load_averaged(run)
        sampler = sampler or SamplerConfig()
        if steps is not None:
            sampler = dataclasses.replace(sampler, steps=steps)
        return cls(model, trained_on, device, sampler)

    def refocus(
        self,
        photo_srgb: NDArray[np.uint8],
        disparity: NDArray[np.float32] | None,
        focus_point: tuple[float, float],
        blur_level: float,
        *,
        seed: int = 0,
        resolution: Resolution = "auto",
    ) -> NDArray[np.uint8]:
        """Focus a photo elsewhere.

        Args:
            photo_srgb: uint8 [H, W, 3].
            disparity: float32 [H, W] in [0, 1], bigger is nearer; None when depth is not known.
            focus_point: (x, y) in [0, 1]; what lies there becomes sharp.
            blur_level: percent of the photo's long side: radius of what is one whole depth range off the plane.
            seed: of the noise; the same one gives the same photo.
            resolution: `trained` works at the trained size and enlarges; `auto` works in tiles where depth is known
                and the blur is weak enough (canvas.py).

        Returns uint8 [H, W, 3]. Raises UserError for arguments that make no sense, or a missing disparity when the
        model was trained without depth dropout. A blur level beyond those trained on is a warning.
        """
        self._check(photo_srgb, disparity, focus_point, blur_level)
        height, width = photo_srgb.shape[:2]
        trained_side = max(self.trained_on.width, self.trained_on.height)
        in_tiles = resolution == "auto" and disparity is not None
        most = self.trained_on.blur_level_max
        long_side = working_long_side(max(width, height), trained_side, blur_level, most, in_tiles)
        canvas = canvas_of((width, height), long_side, self.trained_on.patch_px)
        predict = self._predict(canvas, photo_srgb, disparity, focus_point, blur_level)
        noise = seeded_noise((1, 3, canvas.padded_height, canvas.padded_width), seed, self._device)
        with torch.inference_mode():
            display = sample(predict, noise, self._sampler)[0]  # [3, H, W]
        return canvas.photo(display, width, height)

    def _predict(
        self,
        canvas: Canvas,
        photo_srgb: NDArray[np.uint8],
        disparity: NDArray[np.float32] | None,
        focus_point: tuple[float, float],
        blur_level: float,
    ) -> Predict:
        """x̂ of the whole canvas, in one piece or in tiles."""
        reference = canvas.picture(photo_srgb).to(self._device)[None]  # [1, 3, H, W]
        known = float(disparity is not None)
        depth = torch.zeros_like(reference[0, 0]) if disparity is None else canvas.disparity(disparity).to(self._device)
        at_point = 0.0 if disparity is None else disparity_at(disparity, focus_point)
        x, y = canvas.point(*focus_point)
        blur_scale_px = blur_level / 100.0 * canvas.long_side  # K
        size = (canvas.padded_height, canvas.padded_width)
        trained = (self.trained_on.height, self.trained_on.width)
        fits = max(size) <= math.ceil(WHOLE * max(trained)) + self.trained_on.patch_px
        tiles = cut(size, size if fits else trained, OVERLAP, self.trained_on.patch_px)

        def of_tile(tile: Tile) -> Predict:
            condition = Condition(
                reference=tile.of(reference),
                disparity=tile.of(depth)[None, None],
                validity=torch.full_like(tile.of(depth), known)[None, None],
                focus_point=self._tensor(
                    [(x * size[1] - tile.left) / tile.width, (y * size[0] - tile.top) / tile.height]
                )[None],
                point_disparity=self._tensor([at_point]),
                blur_level=self._tensor([100.0 * blur_scale_px / max(tile.height, tile.width)]),
                is_withheld=torch.zeros(1, dtype=torch.bool, device=self._device),
            )
            return guided(self.model, condition, self._sampler.guidance)

        return blended(tiles, size, of_tile)

    def _tensor(self, values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self._device)

    def _check(
        self,
        photo_srgb: NDArray[np.uint8],
        disparity: NDArray[np.float32] | None,
        focus_point: tuple[float, float],
        blur_level: float,
    ) -> None:
        if photo_srgb.dtype != np.uint8 or photo_srgb.ndim != 3 or photo_srgb.shape[2] != 3:
            raise UserError(f"the photo must be uint8 [H, W, 3]; got {photo_srgb.dtype} {list(photo_srgb.shape)}")
        check_focus(focus_point)
        if not (math.isfinite(blur_level) and blur_level > 0):
            raise UserError(f"the blur level must be a number above 0 (percent of the long side); got {blur_level}")
        if disparity is not None:
            _check_disparity(disparity, photo_srgb.shape[:2])
        elif self.trained_on.depth_dropout == 0:
            raise UserError(
                f"{self.trained_on.run} was trained with --depth-dropout 0 and needs the photo's depth; give a sidecar "
                "or a depth model, or train with dropout"
            )
        low, high = self.trained_on.blur_level_min, self.trained_on.blur_level_max
        if not low * (1.0 - SLACK) <= blur_level <= high * (1.0 + SLACK):
            _log.warning(
                "blur level %g lies beyond what %s was trained on, %.3g to %.3g",
                blur_level,
                self.trained_on.run,
                low,
                high,
            )


def check_focus(focus_point: tuple[float, float]) -> None:
    """Raise UserError unless the point lies in the photo."""
    x, y = focus_point
    if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):  # false for NaN
        raise UserError(f"the focus point must lie in [0, 1] x [0, 1] (0,0 is top left); got {x:g},{y:g}")


def _check_disparity(disparity: NDArray[np.float32], size: tuple[int, ...]) -> None:
    if disparity.shape != size:
        raise UserError(f"disparity must be {list(size)} like the photo; got {list(disparity.shape)}")
    low, high = float(disparity.min()), float(disparity.max())
    if not (low >= -1e-3 and high <= 1.0 + 1e-3):  # false for NaN
        raise UserError(f"disparity must lie in [0, 1]; got [{low:g}, {high:g}]; stretch it over the photo's own range")


def disparity_at(disparity: NDArray[np.float32], focus_point: tuple[float, float]) -> float:
    """D at the pixel under the point."""
    height, width = disparity.shape
    column, row = min(width - 1, int(focus_point[0] * width)), min(height - 1, int(focus_point[1] * height))
    return float(disparity[row, column])
