"""The layered depth image: every surface of a scene, complete also where nearer surfaces hide it.

Source of the idea: Shade, Gortler, He, Szeliski, "Layered Depth Images" (SIGGRAPH 1998); here each layer is
one surface with its own anti-aliased coverage instead of one more hit along the pixel's ray.
Letters: N surfaces; m margin in pixels beyond the frame on every side; D disparity, bigger is nearer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_STRIP_PX = 1 << 16  # pixels sorted at once: bounds the memory of `photo`


@dataclass(frozen=True)
class LayeredDepthImage:
    """N surfaces, in no particular order; they may cross each other: at each pixel the nearer one wins.

    color:     [N, 3, H + 2m, W + 2m] linear light, >= 0, may exceed 1; not multiplied by coverage.
    coverage:  [N, H + 2m, W + 2m] share of the pixel that the surface covers, in [0, 1].
    disparity: [N, H + 2m, W + 2m] at the pixel's center, bigger is nearer, finite also where coverage is 0.
    margin_px: m >= 0, pixels beyond the frame on every side.

    Raises ValueError when shapes disagree, values leave their range, or the margin leaves no frame.
    """

    color: Float[Tensor, "n 3 h w"]
    coverage: Float[Tensor, "n h w"]
    disparity: Float[Tensor, "n h w"]
    margin_px: int = 0

    def __post_init__(self) -> None:
        if self.color.ndim != 4:
            raise ValueError(f"color must be [N, 3, H, W], got {list(self.color.shape)}")
        n, channels, h, w = self.color.shape
        for name, value in (("coverage", self.coverage), ("disparity", self.disparity)):
            if tuple(value.shape) != (n, h, w):
                raise ValueError(f"{name} must be [{n}, {h}, {w}] like color, got {list(value.shape)}")
        if n < 1 or channels != 3:
            raise ValueError(f"color must be [N >= 1, 3, H, W], got {list(self.color.shape)}")
        if not 0 <= 2 * self.margin_px < min(h, w):
            raise ValueError(f"margin_px must be >= 0 and leave a frame of {h}x{w}, got {self.margin_px}")
        # Extremes take one pass and no copies. NaN is returned as an extreme and fails every comparison.
        low, high = self.disparity.aminmax()
        if not (low > -torch.inf and high < torch.inf):
            raise ValueError("disparity must be finite everywhere, got NaN or infinity")
        low, high = self.color.aminmax()
        if not (low >= 0 and high < torch.inf):
            raise ValueError("color must be finite linear light >= 0, got negative, NaN or infinite values")
        low, high = self.coverage.aminmax()
        if not (low >= 0 and high <= 1):
            raise ValueError("coverage must lie in [0, 1], got values outside or NaN")

    @property
    def height(self) -> int:
        """Rows of the frame, without the margin."""
        return self.color.shape[2] - 2 * self.margin_px

    @property
    def width(self) -> int:
        """Columns of the frame, without the margin."""
        return self.color.shape[3] - 2 * self.margin_px

    def to(self, device: torch.device | str) -> LayeredDepthImage:
        color, coverage, disparity = (p.to(device) for p in (self.color, self.coverage, self.disparity))
        return LayeredDepthImage(color, coverage, disparity, self.margin_px)

    def photo(self) -> tuple[Float[Tensor, "3 h w"], Float[Tensor, "h w"]]:
        """The pinhole view of the frame: image [3, H, W] in linear light and disparity [H, W].

        The surfaces are composited nearest first, pixel by pixel ("over", Porter & Duff 1984).
        The disparity is that of the nearest surface that covers at least half of the pixel; 0 (infinitely far) where
        none does.
        """
        m, h, w = self.margin_px, self.height, self.width
        planes, rows = (self.color, self.coverage, self.disparity), max(1, _STRIP_PX // w)
        strips = [
            _pinhole(*(plane[..., m + y : m + min(y + rows, h), m : m + w] for plane in planes))
            for y in range(0, h, rows)
        ]
        return torch.cat([image for image, _ in strips], dim=1), torch.cat([d for _, d in strips], dim=0)


def _pinhole(color: Tensor, coverage: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor]:
    """`photo` for one strip: image [3, h, w] and disparity [h, w] from N surfaces."""
    depth_key = torch.where(coverage > 0, -disparity, torch.inf)  # [N, h, w]
    near_first = depth_key.sort(dim=0, stable=True).indices
    alpha = coverage.gather(0, near_first)
    behind = (1.0 - alpha).cumprod(dim=0)  # share of the pixel that is still free behind each surface
    share = alpha * torch.cat([torch.ones_like(behind[:1]), behind[:-1]])
    image = (color.gather(0, near_first[:, None].expand_as(color)) * share[:, None]).sum(dim=0)
    first = (alpha >= 0.5).to(torch.uint8).argmax(dim=0, keepdim=True)  # 0 where none covers half
    visible = disparity.gather(0, near_first).gather(0, first)[0]
    return image, torch.where((alpha >= 0.5).any(dim=0), visible, 0.0)
