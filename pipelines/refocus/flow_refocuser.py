"""Refocusing with a trained flow model, which makes the frame from noise."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipelines.errors import UserError
from pipelines.model.checkpoint import TrainedOn
from pipelines.model.condition import Condition
from pipelines.model.sampler import Denoiser, guided, sample, seeded_noise
from pipelines.model.sampler_config import SamplerConfig
from pipelines.refocus.reference_lens import PhotoLens
from pipelines.refocus.refocuser import (
    UNKNOWN_LENS,
    FocusRequest,
    PreparedPhoto,
    Refocuser,
    check_photo,
    disparity_at,
)
from pipelines.refocus.tiling import PhotoTile, blended, cut
from pipelines.refocus.working_size import MAX_ONE_PIECE, WorkingSize, working_long_side

_log = logging.getLogger(__name__)

Resolution = Literal["auto", "trained"]
OVERLAP = 0.25
LEVEL_TOLERANCE = 0.01
"""Blur levels outside the trained range by this fraction are rounding errors and give no warning."""


class FlowRefocuser(Refocuser):
    """The averaged weights of a run's checkpoint.

    resolution: `trained` works at the trained size and enlarges; `auto` works in tiles where depth is known and the
    blur is weak enough (working_size.py).
    """

    def __init__(
        self,
        model: nn.Module,
        trained_on: TrainedOn,
        device: str = "cpu",
        sampler: SamplerConfig | None = None,
        resolution: Resolution = "auto",
    ) -> None:
        self.trained_on = trained_on
        self.model = model.to(device).eval()
        self._device, self._sampler, self._resolution = device, sampler or SamplerConfig(), resolution
        self._warned: set[float] = set()

    def prepare(
        self, photo_srgb: NDArray[np.uint8], disparity: NDArray[np.float32] | None, photo_lens: PhotoLens = UNKNOWN_LENS
    ) -> PreparedPhoto:
        """The same seed gives the same photo. Logs a warning for a blur level outside the trained range.

        A photo lens that is known, and all of it, is told; without one the model goes by what it sees.
        Raises UserError for a missing disparity when the model was trained without depth dropout, and for a photo lens
        that is known in part, or given to a model that was trained with --defocus-maps False, or without depth.
        """
        check_photo(photo_srgb, disparity)
        run = self.trained_on.run
        is_told = photo_lens.is_known and disparity is not None and self.trained_on.defocus_maps
        if photo_lens != UNKNOWN_LENS and not is_told:
            raise UserError(
                f"{run} is told the photo's own focus and blur together, with depth, and only if trained with defocus "
                "maps; leave them out, or choose another run"
            )
        if disparity is None and self.trained_on.depth_dropout == 0:
            raise UserError(
                f"{run} was trained with --depth-dropout 0 and needs the photo's depth; give a sidecar "
                "or a depth model, or train with dropout"
            )

        def frames(requests: Sequence[FocusRequest], seed: int) -> Iterator[NDArray[np.uint8]]:
            return (self._frame(photo_srgb, disparity, request, photo_lens, seed) for request in requests)

        return PreparedPhoto(frames)

    def _frame(
        self,
        photo_srgb: NDArray[np.uint8],
        disparity: NDArray[np.float32] | None,
        request: FocusRequest,
        photo_lens: PhotoLens,
        seed: int,
    ) -> NDArray[np.uint8]:
        self._warn_of_level(request.blur_level)
        height, width = photo_srgb.shape[:2]
        in_tiles = self._resolution == "auto" and disparity is not None
        size = self._working_size((width, height), request.blur_level, in_tiles=in_tiles)
        inputs = self._inputs(size, photo_srgb, disparity, request, photo_lens)

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
        request: FocusRequest,
        photo_lens: PhotoLens,
    ) -> _Inputs:
        reference = size.picture(photo_srgb).to(self._device)[None]  # [1, 3, H, W]
        depth, point_disparity = torch.zeros_like(reference[0, 0]), 0.0  # [H, W]
        if disparity is not None:
            depth = size.disparity(disparity).to(self._device)
            point_disparity = disparity_at(disparity, request.focus_point)
        return _Inputs(
            reference=reference,
            disparity=depth,
            validity=float(disparity is not None),
            point_px=size.point_px(*request.focus_point),
            point_disparity=point_disparity,
            blur_scale_px=request.blur_level / 100.0 * size.long_side,
            has_maps=self.trained_on.defocus_maps,
            own_lens=_own_lens(photo_lens, size.long_side),
        )

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
    own_lens: tuple[float, float] | None  # D_s and K_s; None: not told

    def condition(self, tile: PhotoTile) -> Condition:
        """The inputs of one tile: its pixels, the focus point and the blur level relative to the tile."""
        disparity = tile.crop(self.disparity)[None, None]  # [1, 1, h, w]
        asked = self.validity * self.blur_scale_px * (disparity - self.point_disparity)
        is_told = torch.full_like(disparity, float(self.own_lens is not None))
        own_focus, own_scale_px = self.own_lens or (0.0, 0.0)
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
            own_defocus=own_scale_px * (disparity - own_focus),
            own_validity=is_told,
        )

    def _tensor(self, values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.disparity.device)


def _own_lens(photo_lens: PhotoLens, long_side: int) -> tuple[float, float] | None:
    """D_s and K_s in pixels of a picture this long, (0, 0) for a photo that is sharp; None where they are not known."""
    if photo_lens.is_sharp:
        return 0.0, 0.0
    if photo_lens.focus_disparity is None or photo_lens.blur_level is None:
        return None
    return photo_lens.focus_disparity, photo_lens.blur_level / 100.0 * long_side
