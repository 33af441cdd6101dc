"""Where focus stacks of others lie and what their files do not say; flags of `audit` and `benchmark`."""

from dataclasses import dataclass
from typing import Literal

from pipelines.errors import require

LayoutName = Literal["zedd", "infinigen-defocus", "folder"]


@dataclass(frozen=True)
class StackOptions:
    """How focus stacks of others are read."""

    layout: LayoutName | None = None
    """Folders of focus stacks by a camera or another renderer, as this data set has them (docs/audit.md)."""
    focal_length_mm: float = 0.0
    """With --layout: focal length marked on the lens; 0: from the intrinsics and --sensor-width-mm."""
    sensor_width_mm: float = 36.0
    """With --layout: long side of the sensor; 36 is full frame, and Blender's default."""
    f_numbers: tuple[float, ...] = ()
    """With --layout: only frames of these f-numbers; default: all."""
    long_side: int = 768
    """With --layout: pictures are scaled down to this many pixels on the longer side."""

    def __post_init__(self) -> None:
        require(self.focal_length_mm >= 0, "--focal-length-mm", "be positive, or 0", self.focal_length_mm)
        require(self.sensor_width_mm > 0, "--sensor-width-mm", "be positive", self.sensor_width_mm)
        require(self.long_side >= 64, "--long-side", "be at least 64", self.long_side)
