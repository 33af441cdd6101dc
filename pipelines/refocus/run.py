"""`refocus`: one photo and its depth through a trained model, and onto the disk."""

import logging
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UserError
from pipelines.refocus.config import RefocusConfig
from pipelines.refocus.focus_sweep import plan_stops, write_sweep
from pipelines.refocus.photo_depth import depth_of
from pipelines.refocus.photo_file import read_photo, write_photo
from pipelines.refocus.reference_lens import PhotoLens
from pipelines.refocus.refocuser import FocusRequest, PreparedPhoto, disparity_at
from pipelines.refocus.trained import trained_refocuser
from pipelines.runs.device import resolve_device
from pipelines.runs.disk import closed_folder
from pipelines.runs.verb_result import VerbResult

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RefocusResult(VerbResult):
    """The refocused photo that was written, with its input and settings.

    photo_lens: where plane and blur level of the photo itself come from, "estimated", "given" or "unused"; the two are
    None where it is sharp everywhere.
    """

    files: list[str]
    width: int
    height: int
    depth: str
    focus_disparity: float | None
    photo_lens: str
    photo_focus_disparity: float | None
    photo_blur_level: float | None
    seconds: float

    def summary(self) -> str:
        plane = "" if self.focus_disparity is None else f", plane at disparity {self.focus_disparity:.3f}"
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        made = f"{self.files[-1]}{more}: {self.width} x {self.height} px, depth: {self.depth}{plane}"
        return f"{made}{self._photo_itself()}, {self.seconds:.1f} s"

    def _photo_itself(self) -> str:
        if self.photo_lens == "unused":
            return ""
        if self.photo_blur_level is None:
            return f", the photo itself: sharp everywhere ({self.photo_lens})"
        focus, level = self.photo_focus_disparity, self.photo_blur_level
        return f", the photo itself: in focus at disparity {focus:.2f}, blur level {level:.2g} % ({self.photo_lens})"


def run(config: RefocusConfig) -> RefocusResult:
    """Refocus. Raises UserError for what a user can put right."""
    started = time.monotonic()
    if closed := closed_folder(config.result_path.parent):  # said before the minutes that a frame takes
        raise UserError(f"{closed} is no folder that you may write to; name another --out", exit_code=1)
    device = resolve_device(config.device)
    refocuser = trained_refocuser(config.checkpoint, device, config.sampler, config.resolution)
    file = read_photo(config.photo)
    disparity, source = depth_of(file.photo, config, device)
    height, width = file.photo.srgb.shape[:2]
    _log.info("%s: %d x %d px, depth: %s; a CPU takes about a minute a megapixel", config.photo, width, height, source)
    prepared = refocuser.prepare(file.photo.srgb, disparity, _photo_lens(config, disparity))
    files, plane = [str(config.result_path)], None
    if config.focus_sweep:
        files = _sweep(config, disparity, prepared)
    else:
        frames = prepared.frames([FocusRequest(config.focus_point, config.blur_level)], config.seed)
        write_photo(config.result_path, next(frames), file.exif)
        plane = None if disparity is None else disparity_at(disparity, config.focus_point)
    lens = prepared.lens
    return RefocusResult(
        files=files,
        width=width,
        height=height,
        depth=source,
        focus_disparity=plane,
        photo_lens=prepared.lens_source,
        photo_focus_disparity=None if lens is None else lens.focus_disparity,
        photo_blur_level=None if lens is None else lens.blur_level(max(width, height)),
        seconds=round(time.monotonic() - started, 2),
    )


def _photo_lens(config: RefocusConfig, disparity: NDArray[np.float32] | None) -> PhotoLens:
    point, level = config.photo_focus_point, config.photo_blur_level
    if point is not None and disparity is None:
        raise UserError("--photo-focus X,Y needs depth to know the plane at the point; give a sidecar or a depth model")
    plane = None if point is None or disparity is None else disparity_at(disparity, point)
    return PhotoLens(config.photo_focus == "none", plane, None if level == "auto" else level)


def _sweep(config: RefocusConfig, disparity: NDArray[np.float32] | None, prepared: PreparedPhoto) -> list[str]:
    if disparity is None:
        raise UserError("--focus-sweep needs depth to know what lies where; give a sidecar or a depth model")
    stops = plan_stops(disparity, config.focus_sweep)
    pictures = prepared.frames([FocusRequest(stop.point, config.blur_level) for stop in stops], config.seed)
    title = f"{config.photo.name}: focus from far to near, blur level {config.blur_level:g} %"
    return [str(path) for path in write_sweep(config.result_path, stops, pictures, title)]
