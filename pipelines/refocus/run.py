"""`refocus`: one photo and its depth through a trained model, and onto the disk."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UserError
from pipelines.refocus.config import RefocusConfig
from pipelines.refocus.focus_sweep import plan_stops, write_sweep
from pipelines.refocus.photo_depth import depth_of
from pipelines.refocus.photo_file import read_photo, write_photo
from pipelines.refocus.refocuser import Refocuser, disparity_at
from pipelines.runs.device import resolve_device
from pipelines.runs.verb_result import VerbResult


@dataclass(frozen=True)
class RefocusResult(VerbResult):
    """The refocused photo that was written, with its input and settings."""

    files: list[str]
    width: int
    height: int
    depth: str
    focus_disparity: float | None
    seconds: float

    def summary(self) -> str:
        plane = "" if self.focus_disparity is None else f", plane at disparity {self.focus_disparity:.3f}"
        more = f" and {len(self.files) - 1} more" if len(self.files) > 1 else ""
        return (
            f"{self.files[-1]}{more}: {self.width} x {self.height} px, depth: {self.depth}{plane}, {self.seconds:.1f} s"
        )


def run(config: RefocusConfig) -> RefocusResult:
    """Refocus. Raises UserError for what a user can put right."""
    started = time.monotonic()
    device = resolve_device(config.device)
    refocuser = Refocuser.from_run(config.checkpoint, device, config.sampler)
    file = read_photo(config.photo)
    srgb, (disparity, source) = file.photo.srgb, depth_of(file.photo, config, device)

    def refocused(point: tuple[float, float]) -> NDArray[np.uint8]:
        level, seed = config.blur_level, config.seed
        return refocuser.refocus(srgb, disparity, point, level, seed=seed, resolution=config.resolution)

    files, plane = [str(config.result_path)], None
    if config.focus_sweep:
        files = _sweep(config, disparity, refocused)
    else:
        write_photo(config.result_path, refocused(config.focus_point), file.exif)
        plane = None if disparity is None else disparity_at(disparity, config.focus_point)
    height, width = srgb.shape[:2]
    return RefocusResult(files, width, height, source, plane, round(time.monotonic() - started, 2))


def _sweep(
    config: RefocusConfig,
    disparity: NDArray[np.float32] | None,
    refocused: Callable[[tuple[float, float]], NDArray[np.uint8]],
) -> list[str]:
    if disparity is None:
        raise UserError("--focus-sweep needs depth to know what lies where; give a sidecar or a depth model")
    stops = plan_stops(disparity, config.focus_sweep)
    title = f"{config.photo.name}: focus from far to near, blur level {config.blur_level:g} %"
    return [str(path) for path in write_sweep(config.result_path, stops, lambda stop: refocused(stop.point), title)]
