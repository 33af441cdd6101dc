"""Linear light and 8-bit sRGB, as files and screens have it."""

from functools import cache

import numpy as np
import numpy.typing as npt
import torch

from simulator.optics.color import linear_to_srgb, srgb_to_linear
from simulator.optics.highlight import clipped_at_white, soft_shoulder


def to_srgb8(linear: torch.Tensor, tone: str = "clip") -> npt.NDArray[np.uint8]:
    """Linear light [F, 3, H, W] on any device -> 8-bit sRGB [F, H, W, 3].

    tone: light above 1 becomes white ("clip") or rolls off below white ("shoulder").
    """
    toned = soft_shoulder if tone == "shoulder" else clipped_at_white
    frames = [(linear_to_srgb(toned(frame)) * 255).round().to(torch.uint8) for frame in linear]
    pixels = torch.stack(frames).permute(0, 2, 3, 1).contiguous()
    if not pixels.is_cuda:
        return pixels.numpy()
    pinned = torch.empty(pixels.shape, dtype=pixels.dtype, pin_memory=True)  # copies without a staging buffer
    return pinned.copy_(pixels).numpy()


def from_srgb8(srgb: npt.NDArray[np.uint8], device: str = "cpu") -> torch.Tensor:
    """8-bit sRGB [H, W, 3] -> linear light [3, H, W] on a device."""
    pixels = torch.from_numpy(np.ascontiguousarray(srgb)).to(device)
    return srgb_to_linear(pixels.permute(2, 0, 1).float() / 255)


@cache
def linear_of_code() -> npt.NDArray[np.float32]:
    """Linear light of each of the 256 codes of 8-bit sRGB, [256]."""
    table: npt.NDArray[np.float32] = srgb_to_linear(torch.arange(256, dtype=torch.float32) / 255).numpy()
    return table


def codes_of_linear(linear: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """8-bit sRGB of linear light in [0, 1], of any shape, by a table: at most 0.03 of a code from the curve."""
    return _code_of_16_bits()[np.rint(linear * np.float32(65535.0)).astype(np.uint16)]


@cache
def _code_of_16_bits() -> npt.NDArray[np.uint8]:
    levels = torch.arange(65536, dtype=torch.float32) / 65535
    table: npt.NDArray[np.uint8] = (linear_to_srgb(levels) * 255).round().to(torch.uint8).numpy()
    return table
