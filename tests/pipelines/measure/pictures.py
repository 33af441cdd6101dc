"""Scenes for tests: a textured photo whose disparity rises from left to right, or has one step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from pipelines.measure.fidelity import Picture
from pipelines.pictures.srgb8 import to_srgb8
from simulator import ThinLens, render_stack
from simulator.optics.color import srgb_to_linear

HEIGHT, WIDTH = 80, 120


def texture(height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> Picture:
    """Noise of all frequencies, power about 1/f² as in photos: uint8 [H, W, 3]."""
    random = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    falloff = 1.0 / np.maximum(np.hypot(fy, fx), 1.0 / max(height, width))
    waves = np.fft.ifft2(np.fft.fft2(random.standard_normal((3, height, width))) * falloff).real
    waves /= waves.std(axis=(1, 2), keepdims=True)
    return np.rint((128 + 45 * waves).clip(0, 255)).astype(np.uint8).transpose(1, 2, 0)


def slope(height: int = HEIGHT, width: int = WIDTH) -> npt.NDArray[np.float32]:
    """Disparity 0 on the left, 1 on the right."""
    return np.broadcast_to(np.linspace(0, 1, width, dtype=np.float32), (height, width)).copy()


def rendered(photo: Picture, disparity: npt.NDArray[np.float32], lenses: Sequence[ThinLens]) -> list[Picture]:
    """The renderer's frames of a photo, 8 bits."""
    light = srgb_to_linear(torch.from_numpy(photo).permute(2, 0, 1).float() / 255)
    return list(to_srgb8(render_stack(light, torch.from_numpy(disparity), lenses)))
