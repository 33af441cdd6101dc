"""Path-traced truth, one record a scene: all-in-focus picture, disparity, frames, and how noisy they are.

    python -m pipelines.validate.references pipelines/validate/stored/photo    the small stored ones

Stored light is uint16, Q = 65535·min((E/64)^(1/2.4), 1): steps of 1e-4 in display values, lamps up to 64 times
white. Stored disparity is float32.
"""

import hashlib
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from tyro.conf import Positional

from pipelines.measure.rendering_error import psnr
from pipelines.validate.path_trace import Camera, Tracer
from pipelines.validate.scenes import reference_scene
from pipelines.validate.surfaces import ReferenceScene
from simulator.optics.lens import ThinLens

Picture = NDArray[np.float32]

STORED_FOLDER = Path(__file__).parent / "stored"
"""Small traced references that come with the package: photo/, layers/, iris/."""

BLUR_SCALES_PX_M = (20.0, 50.0)  # K at 480 pixels across: radii up to about 10 and 25
BLUR_SCALE_WIDTH_PX = 480


@dataclass(frozen=True)
class TracedFrames(ABC):
    """Frames [F, 3, H, W] of one scene through a real thin lens, one lens a frame; linear light, never clipped.

    noise_psnr: for each frame the PSNR in dB (display values) of the frame's own noise.
    """

    name: str
    seed: int
    frames: Picture
    lenses: tuple[ThinLens, ...]
    noise_psnr: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.noise_psnr) != len(self.lenses):
            raise ValueError(f"noise_psnr must have one entry a lens ({len(self.lenses)}), got {len(self.noise_psnr)}")

    @property
    @abstractmethod
    def max_radius_px(self) -> tuple[float, ...]:
        """The largest blur radius within each frame: the border that a comparison leaves out."""


@dataclass(frozen=True)
class Reference(TracedFrames):
    """A scene seen from a pinhole, too: aif [3, H, W], and disparity [H, W] in 1/m (K is in px·m of this width)."""

    aif: Picture
    disparity: Picture

    def __post_init__(self) -> None:
        height, width = self.disparity.shape
        expected = {"aif": (3, height, width), "frames": (len(self.lenses), 3, height, width)}
        for field, shape in expected.items():
            if getattr(self, field).shape != shape:
                raise ValueError(f"{field} must have shape {shape}, got {getattr(self, field).shape}")
        super().__post_init__()
        for field in ("aif", "disparity", "frames"):
            values = getattr(self, field)
            if values.dtype != np.float32 or not np.isfinite(values).all() or values.min() < 0:
                raise ValueError(f"{field} must be float32, finite and >= 0")

    @property
    def max_radius_px(self) -> tuple[float, ...]:
        ends = float(self.disparity.min()), float(self.disparity.max())
        return tuple(lens.blur_scale_px * max(abs(end - lens.focus_disparity) for end in ends) for lens in self.lenses)

    def sha256(self) -> str:
        """Digest of every field that a comparison reads; light as `store` keeps it, so that rounding does not show."""
        digest = hashlib.sha256(f"{self.name} {self.seed} {self.lenses}".encode())
        for values in (encoded(self.aif), self.disparity, encoded(self.frames)):
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Effort:
    """Samples to trace: from `samples` a pixel, twice as many each round, until the noise is below `noise_psnr`.

    After `rounds` the trace ends in any case; the record holds the noise that is left.
    """

    samples: int = 256
    rounds: int = 7
    noise_psnr: float = 60.0
    aif_samples: int = 1024


def reference_lenses(scene: ReferenceScene, width: int) -> tuple[ThinLens, ...]:
    """Focus on the scene's near, middle and far thing, at each blur scale: level-major."""
    scales = [k * width / BLUR_SCALE_WIDTH_PX for k in BLUR_SCALES_PX_M]
    return tuple(ThinLens(1.0 / depth_m, scale) for scale in scales for depth_m in scene.focus_m)


def trace(scene: ReferenceScene, camera: Camera, lenses: tuple[ThinLens, ...], effort: Effort) -> Reference:
    """The record of a scene, with as many samples as its noise asks for; deterministic on one Mitsuba variant."""
    tracer = Tracer(scene, camera)
    traced = [quiet_frame(tracer, lens, effort, seed=1 + 2 * index) for index, lens in enumerate(lenses)]
    frames, noise = zip(*traced, strict=True)
    aif = tracer.picture(None, range(effort.aif_samples), seed=0)
    return Reference(scene.name, scene.seed, np.stack(frames), lenses, tuple(noise), aif, tracer.disparity())


def quiet_frame(tracer: Tracer, lens: ThinLens, effort: Effort, seed: int) -> tuple[Picture, float]:
    """Two independent halves, and more of both until their difference says that the mean is quiet enough."""
    halves = torch.zeros(2, *tracer.shape, dtype=torch.float64)
    done, noise = 0, 0.0
    for number in range(effort.rounds):
        run = range(done, effort.samples // 2 * 2**number)  # goes on to the next power of two
        for half in (0, 1):
            halves[half] += len(run) * torch.from_numpy(tracer.picture(lens, run, seed + half))
        done = run.stop
        first, second = halves / done
        noise = psnr(first, second) + 20 * math.log10(2.0)  # the mean's deviation is half the difference's
        if noise >= effort.noise_psnr:
            break
    return np.asarray((halves.mean(dim=0) / done).numpy(), dtype=np.float32), noise


def save(reference: Reference, path: Path) -> None:
    """float32, as traced; the way that large sets are kept."""
    _write(reference, path, {"aif": reference.aif, "frames": reference.frames})


def store(reference: Reference, path: Path) -> None:
    """uint16 light, a third of the size: for the references that the tests carry."""
    _write(reference, path, {"aif": encoded(reference.aif), "frames": encoded(reference.frames)})


def _write(reference: Reference, path: Path, light: dict[str, Any]) -> None:
    write_arrays(path, reference, name=np.array(reference.name), disparity=reference.disparity, **light)


def load(path: Path) -> Reference:
    """A file of `save` or `store`. Raises ValueError when the file is no reference."""
    fields = read_arrays(path, "name", "aif", "disparity", "frames")
    light: dict[str, Any] = {name: decoded(fields.pop(name)) for name in ("aif", "frames")}
    return Reference(name=str(fields.pop("name")), **light, **fields)


def write_arrays(path: Path, reference: TracedFrames, **arrays: NDArray[Any]) -> None:
    """A reference's numbers, and these arrays, compressed, in a file that appears when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp.npz")
    np.savez_compressed(
        temporary,
        seed=np.array(reference.seed),
        focus_disparity=np.array([lens.focus_disparity for lens in reference.lenses]),
        blur_scale_px=np.array([lens.blur_scale_px for lens in reference.lenses]),
        noise_psnr=np.array(reference.noise_psnr),
        **arrays,  # type: ignore[arg-type]  # numpy's stub takes them for allow_pickle
    )
    temporary.replace(path)


def read_arrays(path: Path, *names: str) -> dict[str, Any]:
    """The arrays `names` of a file of `write_arrays`, with seed, lenses and noise_psnr as the records hold them.

    Raises ValueError when one is missing.
    """
    with np.load(path, allow_pickle=False) as file:
        fields: dict[str, Any] = dict(file)
    missing = {*names, "seed", "focus_disparity", "blur_scale_px", "noise_psnr"} - set(fields)
    if missing:
        raise ValueError(f"{path} must be a reference made by pipelines.validate; it lacks {sorted(missing)}")
    lenses = zip(fields["focus_disparity"].tolist(), fields["blur_scale_px"].tolist(), strict=True)
    return {name: fields[name] for name in names} | {
        "seed": int(fields["seed"]),
        "lenses": tuple(ThinLens(*lens) for lens in lenses),
        "noise_psnr": tuple(fields["noise_psnr"].tolist()),
    }


_BRIGHTEST = 64.0
_GAMMA = 2.4


def encoded(light: Picture) -> NDArray[np.uint16]:
    """Light as `store` keeps it."""
    return np.rint(65535 * np.minimum((light / _BRIGHTEST) ** (1 / _GAMMA), 1.0)).astype(np.uint16)


def decoded(values: NDArray[Any]) -> Picture:
    """The way back; light that was not encoded stays what it is."""
    if values.dtype == np.uint16:
        values = _BRIGHTEST * (values / 65535.0) ** _GAMMA
    return values.astype(np.float32)


STORED = {"cutouts": (0, 2, 3), "ground": (0, 4), "portrait": (0, 5), "branches": (1, 5)}  # frames of each
STORED_CAMERA = Camera(height=96, width=144)


def trace_stored(folder: Positional[Path]) -> None:
    """Trace the small references of the tests anew into a folder; prints the hashes that the test declares."""
    for name, kept in STORED.items():
        scene = reference_scene(name, seed=0)
        lenses = reference_lenses(scene, STORED_CAMERA.width)
        reference = trace(scene, STORED_CAMERA, tuple(lenses[index] for index in kept), Effort(rounds=10))
        path = folder / f"{name}.npz"
        store(reference, path)
        noise = ", ".join(f"{value:.1f}" for value in reference.noise_psnr)
        print(f'    "{name}": "{load(path).sha256()}",  # noise {noise} dB, {path.stat().st_size} bytes')


if __name__ == "__main__":
    tyro.cli(trace_stored)
