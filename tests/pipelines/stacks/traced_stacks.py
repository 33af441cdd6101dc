"""Focus stacks in ZEDD's folders, traced by Mitsuba through a real thin lens: truth that no renderer of ours made.

    python -m tests.pipelines.stacks.traced_stacks OUT --width 480 --scenes ground fence

A scene times `size` looks the same from `size` times as far, so depth and focus distances in meters are those of the
reference scene times `size`, and the opening is traced as A / size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import tyro
from tyro.conf import Positional

from pipelines.pictures.srgb8 import to_srgb8
from pipelines.validate.path_trace import Camera, Tracer
from pipelines.validate.scenes import reference_scene
from simulator.optics.lens import ThinLens

SENSOR_MM = 36.0
PHOTO_F_NUMBER = 16.0


@dataclass(frozen=True)
class Shoot:
    """What is traced: every scene, at every distance (m) and f-number, with F16 as the all-in-focus photo."""

    out: Positional[Path]
    scenes: tuple[str, ...] = ("ground",)
    width: int = 144
    samples: int = 64
    size: float = 0.4
    distances_m: tuple[float, ...] = (0.82, 1.06, 1.6, 2.9, 8.1)
    f_numbers: tuple[float, ...] = (1.4, 2.8, 5.6)
    first: int = 1


def trace_zedd(shoot: Shoot) -> Path:
    """Write `metadata.txt` and `val/val_0001/...`; returns the folder."""
    rows = "".join(f"run_{i}\t{motor(i)}\t{d}\n" for i, d in enumerate(shoot.distances_m, 1))
    shoot.out.mkdir(parents=True, exist_ok=True)
    (shoot.out / "metadata.txt").write_text(f"# run_id\thex_code\tfocus_distance\n{rows}")
    for number, name in enumerate(shoot.scenes, shoot.first):
        _trace_scene(shoot, name, shoot.out / "val" / f"val_{number:04d}")
        print(name, flush=True)
    return shoot.out


def motor(run: int) -> str:
    return f"{0x2000 + 257 * run:X}"


def _trace_scene(shoot: Shoot, name: str, place: Path) -> None:
    camera = Camera(round(shoot.width / 1.5), shoot.width)
    tracer = Tracer(reference_scene(name, seed=0), camera)
    f_px = camera.focal_length_px
    focal_mm = f_px / shoot.width * SENSOR_MM
    middle = len(shoot.distances_m) // 2
    settings = [(n, i) for n in shoot.f_numbers for i in range(len(shoot.distances_m))]
    for seed, (f_number, i) in enumerate([*settings, (PHOTO_F_NUMBER, middle)]):
        opening_m = focal_mm / 2000 / f_number
        lens = ThinLens(shoot.size / shoot.distances_m[i], opening_m / shoot.size * f_px)
        light = tracer.picture(lens, range(shoot.samples), seed)
        file = f"img_run_{i + 1}_motor_{motor(i + 1)}_aperture_F{f_number:.1f}.jpg"
        _write(place / "focus_stack" / file, light)
    (place / "gt").mkdir()
    with np.errstate(divide="ignore"):
        np.save(place / "gt" / "depth.npy", (shoot.size / tracer.disparity()).astype(np.float32))
    matrix = [[f_px, 0, camera.width / 2], [0, f_px, camera.height / 2], [0, 0, 1]]
    np.savetxt(place / "gt" / "K.txt", np.array(matrix))


def _write(path: Path, light: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    quality: Sequence[int] = (cv2.IMWRITE_JPEG_QUALITY, 98, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111)
    cv2.imwrite(str(path), to_srgb8(torch.from_numpy(light)[None])[0][..., ::-1], quality)


if __name__ == "__main__":
    trace_zedd(tyro.cli(Shoot))
