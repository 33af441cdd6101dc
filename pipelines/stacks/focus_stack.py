"""One focus stack in its maker's terms: meters, f-numbers, focal length in pixels and millimeters."""

import math
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StackFrame:
    """One picture. An infinite f-number is a pinhole, sharp everywhere. Raises ValueError unless both are positive."""

    path: Path
    f_number: float = math.inf
    focus_distance_m: float = math.inf

    def __post_init__(self) -> None:
        if not (self.f_number > 0 and self.focus_distance_m > 0):  # NaN fails, too
            got = f"{self.f_number:g} and {self.focus_distance_m:g} m"
            raise ValueError(f"f-number and focus distance of {self.path.name} must be positive, got {got}")


@dataclass(frozen=True)
class FocusStack:
    """A scene: all-in-focus photo, depth map, frames.

    depth_scale: meters per unit of the depth file. focal_length_px: in pixels of the depth map, as calibration finds
    it. focal_length_mm: as marked on the lens. Both are 0 where a layout does not state them.
    """

    name: str
    split: str
    photo: StackFrame
    depth: Path
    frames: tuple[StackFrame, ...]
    depth_scale: float = 1.0
    focal_length_px: float = 0.0
    focal_length_mm: float = 0.0
