"""A focus stack in our terms: pixels of one size, disparity in 1/m, and the lens of each frame.

    K = A f_px,  A = f / 2000 N     A radius of the opening (m), f focal length marked on the lens (mm), N f-number
    D_f = 1 / z_f                   f_px image distance in pixels of this picture, z_f focus distance (m)

f_px is v over the pixel pitch, v the image distance, as calibration finds it: with it, A f_px is the a v of
`PhysicalLens`, close focus included. Blender's cameras keep v = f, and so do their intrinsics.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from pipelines.errors import Rejection, UserError, one_line
from pipelines.measure.fidelity import Picture
from pipelines.render.depth.disparity_map import RawDepth, disparity_map
from pipelines.render.depth.file import EXTENSIONS, read_depth_file
from pipelines.render.photos.content import read_photo
from pipelines.render.photos.decode import DecodedPhoto, decode_photo
from pipelines.stacks.config import StackOptions
from pipelines.stacks.focus_stack import FocusStack, StackFrame
from simulator import ThinLens
from simulator.optics.lens import PhysicalLens

_ASPECT_TOLERANCE = 0.01


@dataclass(frozen=True)
class LabeledStack:
    """stack: as its maker has it. codes [h, w]: depth as stored. disparity [H, W] in 1/m, with `known` pixels marked.

    photo: uint8 [H, W, 3]. photo_lens: None for a pinhole. lenses: of each frame of the stack, in its order.
    """

    stack: FocusStack
    photo: Picture
    photo_lens: ThinLens | None
    codes: npt.NDArray[np.generic]
    disparity: npt.NDArray[np.float32]
    known: npt.NDArray[np.bool_]
    lenses: tuple[ThinLens, ...]

    def picture(self, frame: int) -> Picture:
        """The pixels of a frame, uint8 [H, W, 3]. Raises UserError when its file is no picture like the photo."""
        path = self.stack.frames[frame].path
        height, width = self.photo.shape[:2]
        picture = _decoded(path, max(height, width)).srgb
        if picture.shape != self.photo.shape:
            size = f"{picture.shape[1]}x{picture.shape[0]}"
            raise UserError(f"{path} must be as large as the photo, {width}x{height} here; got {size}", exit_code=1)
        return picture


def labeled(stack: FocusStack, options: StackOptions) -> LabeledStack:
    """Read photo and depth at most `--long-side` long, and label the frames. Raises UserError that names the file."""
    photo = _decoded(stack.photo.path, options.long_side)
    with _naming(stack.depth):
        if stack.depth.suffix not in EXTENSIONS:
            raise ValueError(f"it must be one of {', '.join(EXTENSIONS)}")
        codes = read_depth_file(stack.depth).values
        aspects = codes.shape[1] / codes.shape[0], photo.original_width / photo.original_height
        if abs(aspects[0] / aspects[1] - 1) > _ASPECT_TOLERANCE:
            raise ValueError(f"its shape must be the photo's, {aspects[1]:.3f} wide to 1 high, is {aspects[0]:.3f}")
        depth_m = torch.from_numpy(np.asarray(codes, np.float32) * np.float32(stack.depth_scale))
        disparity = disparity_map(RawDepth(depth_m, "depth", "metric", stack.depth.name, ""), photo.srgb)
    photo_lens, *lenses = (
        _lens(stack, frame, photo, max(codes.shape), options) for frame in (stack.photo, *stack.frames)
    )
    known = tuple(lens for lens in lenses if lens)
    return LabeledStack(stack, photo.srgb, photo_lens, codes, disparity.values, disparity.known, known)


def _lens(
    stack: FocusStack, frame: StackFrame, photo: DecodedPhoto, depth_side_px: int, options: StackOptions
) -> ThinLens | None:
    """The lens of a picture as large as the photo; None for a pinhole."""
    if math.isinf(frame.f_number):
        return None
    long_side_px, sensor_mm = max(photo.srgb.shape[:2]), options.sensor_width_mm
    stated_mm = options.focal_length_mm or stack.focal_length_mm or photo.camera.focal_length_mm
    focal_mm = stated_mm or stack.focal_length_px * sensor_mm / depth_side_px
    with _naming(frame.path):
        if not stack.focal_length_px:
            return PhysicalLens(focal_mm, frame.f_number, sensor_mm, frame.focus_distance_m).thin_lens(long_side_px)
        focal_px = stack.focal_length_px * long_side_px / depth_side_px
        return ThinLens(1.0 / frame.focus_distance_m, focal_mm / (2000.0 * frame.f_number) * focal_px)


def _decoded(path: Path, long_side: int) -> DecodedPhoto:
    with _naming(path):
        return decode_photo(read_photo(str(path)), long_side=long_side)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """What is wrong with a file of somebody else's stack becomes a UserError that names it."""
    try:
        yield
    except (Rejection, ValueError) as error:
        raise UserError(f"{path} cannot be used: {one_line(error)}; see docs/audit.md", exit_code=1) from error
