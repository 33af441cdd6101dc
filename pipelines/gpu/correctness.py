"""Pictures of the GPU against those of the CPU: every method, aperture and aberration, and depth maps.

The two differ in the order of sums, and where a decision hangs on the last bit (which bin, which side of an edge), in
single pixels. So a case fails below 60 dB, or when more than one value in ten thousand is off by a step of 8 bits.
In miniature the CPU stands in for the GPU and blurs frames together as a GPU does, which rounds in other places.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

import torch
from torch import Tensor

from pipelines.bench.subject import KIND, SEED, PhotoLike, lenses_through, photo_like
from pipelines.gpu.measured import Measured
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.render.depth.disparity_map import RawDepth, disparity_map
from pipelines.runs.device import torch_threads
from simulator import Aperture, Scene, render_stack
from simulator.render import MAX_FRAMES_PER_BATCH
from simulator.scenes.catalog import builtin_scene

LEAST_PSNR_DB = 60.0
MOST_OFF = 1e-4
STEP = 1 / 255
_EXACT_SHARE = 4  # of the side: rays take their time on a CPU
_RADIUS_SHARE = 1 / 24  # of the side
APERTURES = {
    "plain": Aperture(),
    "blades, cat-eye": Aperture(blades=6, roundness=0.3, rotation_deg=10.0, cat_eye=0.8),
    "longitudinal color": Aperture(focus_shift=(0.03, 0.0, -0.03)),
    "lateral color": Aperture(magnification=(1.004, 1.0, 0.996)),
    "mirror, spherical, squeezed": Aperture(obstruction=0.3, spherical=0.6, squeeze=0.75),
}

Case = Callable[[str], Tensor]
"""Values of any shape, computed on the device that is named."""


@dataclass(frozen=True)
class Agreement:
    """A case on the device against the CPU. largest: the largest difference; off: share of values off by 1/255."""

    case: str
    psnr_db: float
    largest: float
    off: float
    device_s: float
    """The first call, with everything that is set up in it."""

    @property
    def holds(self) -> bool:
        return self.psnr_db >= LEAST_PSNR_DB and self.off <= MOST_OFF


def measure(device: str) -> Measured:
    """Every case at 512² and, ray by ray, at 128²; in miniature at 32² and 16²."""
    found = [agreement(name, case, device) for name, case in cases(512 if device == "cuda" else 32).items()]
    wrong = [f"{one.case}: {one.psnr_db:.1f} dB, {one.off:.2g} of the values off" for one in found if not one.holds]
    return Measured.from_records({f"{device} against one CPU thread": found}, wrong)


def cases(side_px: int) -> dict[str, Case]:
    """Name and computation of each case."""
    found: dict[str, Case] = {}
    for quality, side in (("fast", side_px), ("exact", max(16, side_px // _EXACT_SHARE))):
        for name, aperture in APERTURES.items():
            found[f"{quality} {side}², {name}"] = partial(_photo, _with_lamp(side), aperture, quality)
        found[f"{quality} {side}², known layers"] = partial(_known_layers, side, quality)
    return found | {
        f"depth map of 8 bits, {side_px}²": partial(_debanded, photo_like(side_px)),
        f"8-bit pixels, {side_px}²": partial(_pixels, photo_like(side_px)),
    }


def agreement(name: str, case: Case, device: str) -> Agreement:
    """One case on both."""
    with torch_threads(1):
        expected = case("cpu")
    with torch_threads(1), patch("simulator.render.frames_per_batch", lambda *_: MAX_FRAMES_PER_BATCH):
        start = time.perf_counter()
        found = case(device)
        seconds = time.perf_counter() - start
    difference = (found.cpu().double() - expected.double()).abs().nan_to_num(nan=1.0)
    psnr_db = -10 * float(difference.square().mean().clamp(min=1e-20).log10())
    off = float((difference > STEP).double().mean())
    return Agreement(name, psnr_db, float(difference.max()), off, seconds)


def _with_lamp(side_px: int) -> PhotoLike:
    photo = photo_like(side_px)
    image = photo.image.clone()
    image[:, side_px // 3, side_px // 2] = 20.0  # its bin stays on the frame's grid
    return PhotoLike(image, photo.disparity)


def _photo(photo: PhotoLike, aperture: Aperture, quality: str, device: str) -> Tensor:
    lenses = lenses_through(photo.disparity, max(2.0, photo.side_px * _RADIUS_SHARE), 3)
    there = photo.to(device)
    return render_stack(there.image, there.disparity, lenses, aperture=aperture, quality=quality).cpu()


def _known_layers(side_px: int, quality: str, device: str) -> Tensor:
    layers = builtin_scene(SEED, height=side_px, width=side_px, kind=KIND).layers
    radius_px = max(2.0, side_px * _RADIUS_SHARE)
    lenses = lenses_through(layers.disparity[layers.coverage > 0], radius_px, 3)
    return Scene.from_layers(layers.to(device), max_radius_px=radius_px).render(lenses, quality=quality).cpu()


def _debanded(photo: PhotoLike, device: str) -> Tensor:
    codes = (photo.disparity * 200).round().to(device) / 255
    return torch.from_numpy(
        disparity_map(RawDepth(codes, "disparity", "relative", "", ""), to_srgb8(photo.image[None])[0]).values
    )


def _pixels(photo: PhotoLike, device: str) -> Tensor:
    return torch.from_numpy(to_srgb8(photo.image[None].to(device))).double() / 255
