"""Linear light as 8-bit sRGB, for files and screens."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from simulator.optics.color import linear_to_srgb
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
