"""What every way to refocus offers: a photo is prepared once, then refocused as often as asked."""

<<<<<<< HEAD
=======
from __future__ import annotations

import dataclasses
import logging
>>>>>>> main
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UserError
<<<<<<< HEAD
from pipelines.refocus.reference_lens import PhotoLens
from simulator import ThinLens
=======
from pipelines.model.checkpoint import TrainedOn, load_averaged
from pipelines.model.condition import Condition
from pipelines.model.sampler import Denoiser, guided, sample, seeded_noise
from pipelines.model.sampler_config import SamplerConfig
from pipelines.refocus.tiling import PhotoTile, blended, cut
from pipelines.refocus.working_size import MAX_ONE_PIECE, WorkingSize, working_long_side
>>>>>>> main

UNKNOWN_LENS = PhotoLens()


@dataclass(frozen=True)
class FocusRequest:
    """One frame asked for. Raises UserError for a point outside the photo, or a level that is not positive.

    focus_point: (x, y) in [0, 1]; the plane at this point becomes sharp.
    blur_level: percent of the photo's long side: blur radius one whole depth range off the plane in focus.
    """

    focus_point: tuple[float, float]
    blur_level: float

    def __post_init__(self) -> None:
        x, y = self.focus_point
        if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):  # false for NaN
            raise UserError(f"the focus point must lie in [0, 1] x [0, 1] (0,0 is top left); got {x:g},{y:g}")
        level = self.blur_level
        if not (math.isfinite(level) and level > 0):
            raise UserError(f"the blur level must be a number above 0 (percent of the long side); got {level}")


@dataclass(frozen=True)
class PreparedPhoto:
    """A photo with everything done that does not depend on the frame asked for.

    frames: requests and a seed -> uint8 [H, W, 3] each, one by one. The seed is that of the noise, where there is any.
    sharp: the all-in-focus picture [H, W, 3], where this way makes one.
    lens, lens_source: what the photo was taken with, None for sharp everywhere; "unused" where nothing asks for it.
    """

    frames: Callable[[Sequence[FocusRequest], int], Iterator[NDArray[np.uint8]]]
    sharp: NDArray[np.uint8] | None = None
    lens: ThinLens | None = None
    lens_source: Literal["estimated", "given", "unused"] = "unused"


class Refocuser(ABC):
    """A way to refocus: photo, disparity, focus point and blur level in, photo out."""

    @abstractmethod
    def prepare(
        self, photo_srgb: NDArray[np.uint8], disparity: NDArray[np.float32] | None, photo_lens: PhotoLens = UNKNOWN_LENS
    ) -> PreparedPhoto:
        """Photo [H, W, 3] and disparity [H, W] in [0, 1], bigger is nearer (None: unknown); what is known of its lens.

        Raises UserError for arguments that are none, or that this way cannot do with.
        """

    def refocus(
        self,
        photo_srgb: NDArray[np.uint8],
        disparity: NDArray[np.float32] | None,
        focus_point: tuple[float, float],
        blur_level: float,
        *,
        photo_lens: PhotoLens = UNKNOWN_LENS,
        seed: int = 0,
    ) -> NDArray[np.uint8]:
<<<<<<< HEAD
        """One frame, uint8 [H, W, 3]. Raises UserError as `prepare` and FocusRequest do."""
        request = FocusRequest(focus_point, blur_level)
        return next(self.prepare(photo_srgb, disparity, photo_lens).frames([request], seed))


def check_photo(photo_srgb: NDArray[np.uint8], disparity: NDArray[np.float32] | None) -> None:
    """Raises UserError unless they are uint8 [H, W, 3] and, where known, [H, W] in [0, 1]."""
    if photo_srgb.dtype != np.uint8 or photo_srgb.ndim != 3 or photo_srgb.shape[2] != 3:
        raise UserError(f"the photo must be uint8 [H, W, 3]; got {photo_srgb.dtype} {list(photo_srgb.shape)}")
    if disparity is None:
        return
    if disparity.shape != photo_srgb.shape[:2]:
        size, got = list(photo_srgb.shape[:2]), list(disparity.shape)
        raise UserError(f"disparity must be {size} like the photo; got {got}")
=======
        """Move the plane in focus of a photo.

        Args:
            photo_srgb: uint8 [H, W, 3].
            disparity: float32 [H, W] in [0, 1], bigger is nearer; None when depth is unknown.
            focus_point: (x, y) in [0, 1]; the plane at this point becomes sharp.
            blur_level: percent of the photo's long side: blur radius one whole depth range off the plane in focus.
            seed: of the noise; the same seed gives the same photo.
            resolution: `trained` works at the trained size and enlarges; `auto` works in tiles where depth is known
                and the blur is weak enough (working_size.py).

        Returns uint8 [H, W, 3]. Logs a warning for a blur level outside the trained range. Raises UserError for
        arguments out of range, or a missing disparity when the model was trained without depth dropout.
        """
        self._check(photo_srgb, disparity, focus_point, blur_level)
        height, width = photo_srgb.shape[:2]
        size = self._working_size((width, height), blur_level, in_tiles=resolution == "auto" and disparity is not None)
        inputs = self._inputs(size, photo_srgb, disparity, focus_point, blur_level)

        def denoiser(tile: PhotoTile) -> Denoiser:
            return guided(self.model, inputs.condition(tile), self._sampler.guidance)

        shape, is_flow = (1, 3, *size.padded), self.trained_on.is_flow
        noise = seeded_noise(shape, seed, self._device) if is_flow else torch.zeros(shape, device=self._device)
        sampler = self._sampler if is_flow else dataclasses.replace(self._sampler, steps=1)
        with torch.inference_mode():
            display = sample(blended(self._tiles(size), size.padded, denoiser), noise, sampler)[0]  # [3, H, W]
        return size.photo(display, width, height)

    def _working_size(self, photo: tuple[int, int], blur_level: float, *, in_tiles: bool) -> WorkingSize:
        trained = max(self.trained_on.width, self.trained_on.height)
        long_side = working_long_side(max(photo), trained, blur_level, self.trained_on.blur_level_max, in_tiles)
        return WorkingSize.for_photo(photo, long_side, self.trained_on.patch_px)

    def _tiles(self, size: WorkingSize) -> list[PhotoTile]:
        trained, patch_px = (self.trained_on.height, self.trained_on.width), self.trained_on.patch_px
        is_one_piece = max(size.padded) <= math.ceil(MAX_ONE_PIECE * max(trained)) + patch_px
        return cut(size.padded, size.padded if is_one_piece else trained, OVERLAP, patch_px)

    def _inputs(
        self,
        size: WorkingSize,
        photo_srgb: NDArray[np.uint8],
        disparity: NDArray[np.float32] | None,
        focus_point: tuple[float, float],
        blur_level: float,
    ) -> _Inputs:
        reference = size.picture(photo_srgb).to(self._device)[None]  # [1, 3, H, W]
        depth, point_disparity = torch.zeros_like(reference[0, 0]), 0.0  # [H, W]
        if disparity is not None:
            depth, point_disparity = size.disparity(disparity).to(self._device), disparity_at(disparity, focus_point)
        return _Inputs(
            reference=reference,
            disparity=depth,
            validity=float(disparity is not None),
            point_px=size.point_px(*focus_point),
            point_disparity=point_disparity,
            blur_scale_px=blur_level / 100.0 * size.long_side,
            has_maps=self.trained_on.defocus_maps,
        )

    def _check(
        self,
        photo_srgb: NDArray[np.uint8],
        disparity: NDArray[np.float32] | None,
        focus_point: tuple[float, float],
        blur_level: float,
    ) -> None:
        if photo_srgb.dtype != np.uint8 or photo_srgb.ndim != 3 or photo_srgb.shape[2] != 3:
            raise UserError(f"the photo must be uint8 [H, W, 3]; got {photo_srgb.dtype} {list(photo_srgb.shape)}")
        x, y = focus_point
        if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):  # false for NaN
            raise UserError(f"the focus point must lie in [0, 1] x [0, 1] (0,0 is top left); got {x:g},{y:g}")
        if not (math.isfinite(blur_level) and blur_level > 0):
            raise UserError(f"the blur level must be a number above 0 (percent of the long side); got {blur_level}")
        if disparity is not None:
            _check_disparity(disparity, photo_srgb.shape[:2])
        elif self.trained_on.depth_dropout == 0:
            raise UserError(
                f"{self.trained_on.run} was trained with --depth-dropout 0 and needs the photo's depth; give a sidecar "
                "or a depth model, or train with dropout"
            )
        self._warn_of_level(blur_level)

    def _warn_of_level(self, blur_level: float) -> None:
        """Once per level: a focus sweep asks for the same level in every frame."""
        low, high = self.trained_on.blur_level_min, self.trained_on.blur_level_max
        is_trained = low * (1.0 - LEVEL_TOLERANCE) <= blur_level <= high * (1.0 + LEVEL_TOLERANCE)
        if is_trained or blur_level in self._warned:
            return
        self._warned.add(blur_level)
        _log.warning(
            "blur level %g %% is outside the range that %s was trained on, %.3g to %.3g %%; the blur may be wrong",
            blur_level,
            self.trained_on.run,
            low,
            high,
        )


@dataclass(frozen=True, eq=False)
class _Inputs:
    """The model's inputs at the working size: tensors with padding, the focus point and K in working pixels."""

    reference: Tensor  # [1, 3, H, W]
    disparity: Tensor  # [H, W]
    validity: float
    point_px: tuple[float, float]
    point_disparity: float
    blur_scale_px: float
    has_maps: bool

    def condition(self, tile: PhotoTile) -> Condition:
        """The inputs of one tile: its pixels, the focus point and the blur level relative to the tile."""
        disparity = tile.crop(self.disparity)[None, None]  # [1, 1, h, w]
        asked = self.validity * self.blur_scale_px * (disparity - self.point_disparity)
        unknown = torch.zeros_like(disparity)
        x, y = self.point_px
        return Condition(
            reference=tile.crop(self.reference),
            disparity=disparity,
            validity=torch.full_like(disparity, self.validity),
            focus_point=self._tensor([(x - tile.left) / tile.width, (y - tile.top) / tile.height])[None],
            point_disparity=self._tensor([self.point_disparity]),
            blur_level=self._tensor([100.0 * self.blur_scale_px / max(tile.height, tile.width)]),
            is_unconditional=torch.zeros(1, dtype=torch.bool, device=disparity.device),
            asked_defocus=asked * float(self.has_maps),
            own_defocus=unknown,
            own_validity=unknown,
        )

    def _tensor(self, values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.disparity.device)


def _check_disparity(disparity: NDArray[np.float32], size: tuple[int, ...]) -> None:
    if disparity.shape != size:
        raise UserError(f"disparity must be {list(size)} like the photo; got {list(disparity.shape)}")
>>>>>>> main
    low, high = float(disparity.min()), float(disparity.max())
    if not (low >= -1e-3 and high <= 1.0 + 1e-3):  # false for NaN
        raise UserError(f"disparity must lie in [0, 1]; got [{low:g}, {high:g}]; stretch it over the photo's own range")


def disparity_at(disparity: NDArray[np.float32], focus_point: tuple[float, float]) -> float:
    """D [H, W] at the pixel under the point."""
    height, width = disparity.shape
    column, row = min(width - 1, int(focus_point[0] * width)), min(height - 1, int(focus_point[1] * height))
    return float(disparity[row, column])
