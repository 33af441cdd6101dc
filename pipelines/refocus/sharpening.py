"""A photo of any size made sharp everywhere, and the lens it was taken with, by a network trained on small radii.

Letters: r blur radius of a pixel, also of a nearer surface whose blur reaches it (blur_reach.py); R the largest
radius that the network is given; P the photo and A what the network makes of it, in linear light; k a level, at which
the photo is 2^k times smaller; u_k weights of the levels; q 0 where P_k is even, 1 where it has contrast
(local_contrast.py).

    sharp = P + Σ_k u_k·enlarged(q·(A_k − P_k))       u_k: linear in log₂(r / R) + 1, all on k = 0 where every r ≤ R

With steps of back-projection A_k is made to agree with P_k when blurred again (back_projection.py).
Only changes are enlarged, so no detail of the photo is lost, and u is 0 where r < ½ px: those pixels are the photo's.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from pipelines.pictures.resizing import resized, size_within
from pipelines.refocus.back_projection import STEPS, back_projected
from pipelines.refocus.blur_reach import BlurReach
from pipelines.refocus.local_contrast import local_contrast
from pipelines.refocus.ramp import ramp
from pipelines.refocus.reference_lens import PhotoLens, fit_reference_lens
from pipelines.refocus.sharpener import Sharpener
from pipelines.refocus.tiling import PhotoTile, blended_tiles, cut
from simulator import ThinLens
from simulator.optics.color import linear_to_srgb, srgb_to_linear

SHARP_RADIUS_PX, FULL_RADIUS_PX = 0.5, 1.0
"""Below the first a pixel is the photo's own, from the second on the network's."""
LARGEST_PX = 8.0
"""R where the network's max_radius_px is larger: beyond it a smaller copy serves better. Of frames of four built-in
scenes (640 px, radii up to 14 px, lens told) the gain where r > 2 px was 0.92 dB (worst 0.68) with 8 px, 0.76 (0.25)
with 17, which left speckles at outlines, 0.70 with 4; with back-projection 0.90 (0.37), 0.81 (0.29) and 0.66 (0.27);
of the strongest frames of four real photos at 256 px nothing changed by more than 0.02 dB. Detail is lost for it: in
the benchmark, lens told, 0.34 of it comes back, 0.39 with 17 px, at the same PSNR within 0.1 dB (2026-12-01)."""
EVEN, UNEVEN = 0.006, 0.02
"""q rises from 0 to 1 between these contrasts (of display values in [0, 1]): without it skies and water beside outlines
had ripples. Of the strongest frames of four real photos (256 px, lens told) it changes the gain by less than 0.005 dB;
of frames of six built-in scenes (640 px) it costs 0.014 dB, 0.043 in the worst, of faint textures (2026-12-01)."""
TILE_PX, OVERLAP = 512, 0.25
FIRST_SIDE_PX, LAST_SIDE_PX = 256, 2048
"""Blur radii are estimated at a long side between these, by factors of 2 until the largest is TOLD_PX or more."""
TOLD_PX = 3.0
"""From here on a radius is told well. Larger pictures are worse: of frames of 1,050 and 1,600 px with a blur level of
2.5 % the fit gave 2.4 to 2.8 % at 192 to 512 px, and 1.0 and 0.4 % at full size: radii beyond any trained on."""


def reference_lens(
    sharpener: Sharpener, photo: Float[Tensor, "3 h w"], disparity: Float[Tensor, "h w"], known: PhotoLens
) -> ThinLens | None:
    """The lens that `photo` (linear light) was taken with, in its pixels; None where it is sharp everywhere."""
    long_side = max(disparity.shape)
    scale_px = None if known.blur_level is None else known.blur_level * long_side / 100.0
    if known.is_sharp:
        return None
    if scale_px is not None and known.focus_disparity is not None:
        return ThinLens(known.focus_disparity, scale_px)
    side = min(long_side, FIRST_SIDE_PX)
    while True:
        share = side / long_side
        lens = _lens_at(sharpener, photo, disparity, side, known.focus_disparity, scale_px and scale_px * share)
        largest = 0.0 if lens is None else float(lens.defocus_px(disparity).abs().max())
        if largest >= TOLD_PX or side >= min(long_side, LAST_SIDE_PX):
            return lens and ThinLens(lens.focus_disparity, lens.blur_scale_px / share)
        side = min(2 * side, long_side)


def _lens_at(
    sharpener: Sharpener, photo: Tensor, disparity: Tensor, side: int, plane: float | None, scale_px: float | None
) -> ThinLens | None:
    height, width = size_within(disparity.shape[0], disparity.shape[1], side)
    depth, display = _scaled(disparity, height, width), _display(_scaled(photo, height, width))

    def radius_and_spread(tile: PhotoTile) -> Tensor:
        return torch.stack(sharpener.blur_map(tile.crop(display), tile.crop(depth)[None]))  # [2, h, w]

    tiles = cut((height, width), (TILE_PX, TILE_PX), OVERLAP)
    radius, spread = blended_tiles(tiles, depth.new_zeros(2, height, width), radius_and_spread)
    known = {"focus_disparity": plane, "blur_scale_px": scale_px}
    return fit_reference_lens(radius, spread, depth, largest_px=sharpener.max_radius_px, **known)


def sharpened_photo(
    sharpener: Sharpener,
    photo: Float[Tensor, "3 h w"],
    disparity: Float[Tensor, "h w"],
    lens: ThinLens,
    steps: int = STEPS,
) -> Float[Tensor, "3 h w"]:
    """The photo, linear light, sharp everywhere; it was taken with `lens`. The same size. steps: of back-projection."""
    defocus_px = lens.defocus_px(disparity)  # [H, W]
    radius = BlurReach.of(disparity, defocus_px).greatest(defocus_px.abs())  # [H, W]
    is_blurred = ramp(radius, SHARP_RADIUS_PX, FULL_RADIUS_PX)  # [H, W]
    largest_px = min(sharpener.max_radius_px, LARGEST_PX)
    times = float(radius.max()) / largest_px
    levels = 0 if times <= 1.0 else math.ceil(math.log2(times))
    place = (torch.log2(radius.clamp(min=1e-6) / largest_px) + 1.0).clamp(0.0, levels)  # [H, W]
    sharp = photo.clone()
    for k in range(levels + 1):
        u = is_blurred * (1.0 - (place - k).abs()).clamp(min=0.0) if levels else is_blurred
        sharp += u * _change(sharpener, photo, disparity, lens, k, u, steps)
    return sharp.clamp_(min=0.0)


def _change(
    sharpener: Sharpener, photo: Tensor, disparity: Tensor, lens: ThinLens, k: int, u: Tensor, steps: int
) -> Tensor:
    """enlarged(q·(A_k − P_k)), [3, H, W]."""
    size = disparity.shape
    height, width = (max(16, round(side / 2**k)) for side in size)
    small, depth = _scaled(photo, height, width), _scaled(disparity, height, width)
    display, needed = _display(small), _scaled(u, height, width) > 0
    defocus_px = lens.defocus_px(depth) * (max(height, width) / max(size))  # [h, w]

    def change(tile: PhotoTile) -> Tensor:
        if not tile.crop(needed).any():
            return torch.zeros_like(tile.crop(small))
        made = sharpener.sharpened(tile.crop(display), tile.crop(defocus_px), tile.crop(depth)[None])
        return srgb_to_linear((made.float() + 1.0) / 2.0) - tile.crop(small)

    if not needed.any():
        return torch.zeros_like(photo)
    tiles = cut((height, width), (TILE_PX, TILE_PX), OVERLAP)
    made = (small + blended_tiles(tiles, torch.zeros_like(small), change)).clamp(min=0.0)  # rounding gives -1e-9
    own = ThinLens(lens.focus_disparity, lens.blur_scale_px * max(height, width) / max(size))
    q = ramp(local_contrast(display / 2.0, defocus_px.abs()), EVEN, UNEVEN)  # [h, w]; [-1, 1] is twice as wide
    return _scaled(q * (back_projected(made, small, depth, own, steps) - small), *size)


def _display(linear: Tensor) -> Tensor:
    """Linear light to display values in [-1, 1]."""
    return 2.0 * linear_to_srgb(linear).clamp(0.0, 1.0) - 1.0


def _scaled(picture: Tensor, height: int, width: int) -> Tensor:
    """[..., H, W] at another size: areas where it shrinks, bilinear where it grows."""
    if picture.shape[-2:] == (height, width):
        return picture
    channels_last = picture.movedim(0, -1) if picture.ndim == 3 else picture
    scaled = torch.from_numpy(resized(channels_last.cpu().contiguous().numpy(), height, width)).to(picture.device)
    return scaled.movedim(-1, 0).contiguous() if picture.ndim == 3 else scaled
