"""The labels of one frame, and the rules that the frames of a stack keep together.

Letters (DESIGN: units): D disparity, bigger is nearer; D_f `focus_disparity`; K `blur_scale_px`, the blur radius in
pixels of a point one unit of disparity off the plane in focus; s = K (D - D_f) the signed blur radius, r = |s|.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from . import strict_json
from .complaint import FieldError, FieldTypeError

MAX_FRAMES = 100  # frame_00 ... frame_99: two digits keep the order of names the order of frames
# Labels may have gone through float32 (relative step 6e-8) and a few products on their way here.
LABEL_TOLERANCE = 1e-6


def require(name: str, holds: bool, must: str, got: object) -> None:
    """Raise FieldError "`name` must `must`, got `got`" unless `holds`."""
    if not holds:
        raise FieldError(name, f"must {must}, got {got!r}")


def close(a: float, b: float) -> bool:
    """True if equal within the rounding of float32 labels."""
    return math.isclose(a, b, rel_tol=LABEL_TOLERANCE, abs_tol=1e-12)


@dataclass(frozen=True)
class FrameLabels:
    """One frame of the focal stack.

    Attributes:
        focus_x, focus_y: the focus point, pixel-center coordinates in (0, 1): (column + 0.5) / width.
        focus_disparity: D_f, the disparity at the focus point, in the sample's disparity unit.
        blur_scale_px: K > 0, in pixels of this image.
        blur_level: 100 K / long side, in percent.
        blur_at_infinity_px: K D_f.
        in_focus_fraction: share of the pixels of known disparity that are in focus, in [0, 1].
        radius_p95_px, radius_max_px: 95th percentile and maximum of r over those pixels, in pixels.
        group: stacking group, counted from 0; frames of a group share K and differ in plane.
        f_number: of the lens, 0.0 where it is not known.
        jpeg_quality: of the compression before the frame was stored, 0 for none.
    """

    focus_x: float
    focus_y: float
    focus_disparity: float
    blur_scale_px: float
    blur_level: float
    blur_at_infinity_px: float
    in_focus_fraction: float
    radius_p95_px: float
    radius_max_px: float
    group: int
    f_number: float = 0.0
    jpeg_quality: int = 0

    def __post_init__(self) -> None:
        strict_json.coerce_fields(self)
        for name in ("focus_x", "focus_y"):
            value = getattr(self, name)
            require(name, 0.0 < value < 1.0, "lie in (0, 1)", value)
        for name in ("blur_scale_px", "blur_level"):
            require(name, getattr(self, name) > 0.0, "be positive", getattr(self, name))
        for name in ("focus_disparity", "radius_p95_px", "radius_max_px", "group", "f_number"):
            require(name, getattr(self, name) >= 0, "be at least 0", getattr(self, name))
        require("jpeg_quality", 0 <= self.jpeg_quality <= 100, "lie in 0 to 100", self.jpeg_quality)
        require("in_focus_fraction", 0.0 <= self.in_focus_fraction <= 1.0, "lie in [0, 1]", self.in_focus_fraction)
        require(
            "radius_p95_px",
            self.radius_p95_px <= self.radius_max_px * (1 + LABEL_TOLERANCE),
            f"be at most radius_max_px {self.radius_max_px}",
            self.radius_p95_px,
        )
        at_infinity_px = self.blur_scale_px * self.focus_disparity  # b = K D_f
        require(
            "blur_at_infinity_px",
            close(self.blur_at_infinity_px, at_infinity_px),
            f"be blur_scale_px * focus_disparity = {at_infinity_px}",
            self.blur_at_infinity_px,
        )


def check_stack(frames: Sequence[FrameLabels], *, width: int, height: int) -> None:
    """Check the labels of a stack against the image size and each other.

    Raises:
        FieldError, FieldTypeError: naming the label and the frame, such as `blur_level[3]`.
    """
    require("frames", 2 <= len(frames) <= MAX_FRAMES, f"be 2 to {MAX_FRAMES} frames", len(frames))
    for i, frame in enumerate(frames):
        if not isinstance(frame, FrameLabels):
            raise FieldTypeError(f"frames[{i}]", f"must be FrameLabels, got {type(frame).__name__}")
        level = 100.0 * frame.blur_scale_px / max(width, height)  # percent of the long side
        holds = close(frame.blur_level, level)
        require(f"blur_level[{i}]", holds, f"be 100 * blur_scale_px / long side = {level}", frame.blur_level)
        for name, side_px in (("focus_x", width), ("focus_y", height)):
            pixel = getattr(frame, name) * side_px - 0.5
            holds = abs(pixel - round(pixel)) < 0.01  # float32 coordinates keep 1/100 px up to 80,000 px
            require(f"{name}[{i}]", holds, f"be the center of a pixel of {side_px}", getattr(frame, name))
    _check_groups(frames)


def _check_groups(frames: Sequence[FrameLabels]) -> None:
    groups = [frame.group for frame in frames]
    levels = max(groups) + 1
    planes = max(1, len(frames) // levels)
    expected = [i // planes for i in range(len(frames))]
    must = "count 0, 0, ..., 1, 1, ... level by level, every group with the same number of frames"
    require("group", groups == expected and planes * levels == len(frames), must, groups)
    require("group", planes >= 2, "give every group at least 2 frames", groups)
    for group in range(levels):
        first, members = group * planes, frames[group * planes : (group + 1) * planes]
        for i, frame in enumerate(members, start=first):
            scale_px = members[0].blur_scale_px
            holds = close(frame.blur_scale_px, scale_px)
            require(f"blur_scale_px[{i}]", holds, f"be the {scale_px} of its group {group}", frame.blur_scale_px)
        planes_in_focus = {frame.focus_disparity for frame in members}
        must = f"differ within group {group}: a stacking group needs 2 planes"
        require(f"focus_disparity[{first}]", len(planes_in_focus) > 1, must, sorted(planes_in_focus))
