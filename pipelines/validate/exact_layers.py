"""The exact renderer against a path tracer: built-in scenes, whose every surface is known to both.

    python -m pipelines.validate.exact_layers pipelines/validate/stored/layers    the small stored ones

scene, large ──squares──▶ Mitsuba ──▶ frames ─────────────┐
       └────block means──▶ layers ──gather, scatter───────┴──▶ errors

K is the blur scale in pixels of the frame, D_f the disparity in focus; disparity spans [0.02, 0.98].
"""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from tyro.conf import Positional

from pipelines.validate.path_trace import Camera, Tracer, start_mitsuba
from pipelines.validate.references import Effort, TracedFrames, decoded, encoded, quiet_frame, read_arrays, write_arrays
from pipelines.validate.squares import as_squares, block_means, enlarged_scene
from pipelines.validate.table import Errors, ErrorTable, errors_of
from simulator import Scene
from simulator.layers.ldi import LayeredDepthImage
from simulator.optics.lens import ThinLens

LOG = logging.getLogger(__name__)
CAMERA = Camera(height=128, width=192)  # ten scenes in minutes; drawn five times larger
EFFORT = Effort(samples=512, rounds=5, noise_psnr=56.0)
QUALITIES = ("exact", "fast")
_FRAMES = ((0.25, 6.0), (0.75, 6.0), (0.5, 16.0), (0.95, 16.0))  # D_f; K in percent of the width
_MARGIN_PX = 8  # beyond the largest radius
_BLOCK_SHARES = 25  # coverage is so many equal steps


@dataclass(frozen=True)
class LayersReference(TracedFrames):
    """A built-in scene, named by its kind, with its layers."""

    layers: LayeredDepthImage

    def __post_init__(self) -> None:
        shape = (len(self.lenses), 3, self.layers.height, self.layers.width)
        if self.frames.shape != shape:
            raise ValueError(f"frames must have shape {shape} like lenses and layers, got {self.frames.shape}")
        super().__post_init__()

    @property
    def max_radius_px(self) -> tuple[float, ...]:
        m, h, w = self.layers.margin_px, self.layers.height, self.layers.width
        frame = (slice(None), slice(m, m + h), slice(m, m + w))
        return self._radii_px(self.layers.disparity[frame][self.layers.coverage[frame] > 0])

    def rendered(self, quality: str) -> torch.Tensor:
        """Frames of our renderer from the layers: [F, 3, H, W]."""
        reach = max(self._radii_px(self.layers.disparity[self.layers.coverage > 0]))  # things in the margin are nearer
        return Scene.from_layers(self.layers, reach).render(self.lenses, quality=quality)

    def _radii_px(self, seen: torch.Tensor) -> tuple[float, ...]:
        return tuple(float(lens.defocus_px(torch.stack(seen.aminmax())).abs().max()) for lens in self.lenses)


def exact_table(folder: Path, kinds: Sequence[str], seed: int) -> ErrorTable:
    """PSNR and SSIM of both qualities on each kind; references missing in the folder are traced first."""
    errors: list[Errors] = []
    noise = {}
    for kind in kinds:
        path = folder / f"exact-{kind}-{CAMERA.width}-{seed}.npz"
        if not path.exists():
            LOG.info("tracing the layers of %s with %s", kind, start_mitsuba().variant())
            save(traced_layers(kind, seed, CAMERA, lenses_of(CAMERA), EFFORT), path)
        reference = load(path)
        noise[kind] = reference.noise_psnr
        errors += [errors_of(reference, quality, reference.rendered(quality)) for quality in QUALITIES]
        LOG.info("%s, exact layers: %s dB", kind, ", ".join(f"{e.mean_psnr:.1f}" for e in errors[-2:]))
    return ErrorTable(tuple(errors), noise)


def lenses_of(camera: Camera) -> tuple[ThinLens, ...]:
    """Two strengths of blur, each focused on two planes."""
    return tuple(ThinLens(focus, percent * camera.width / 100) for focus, percent in _FRAMES)


def traced_layers(
    kind: str, seed: int, camera: Camera, lenses: tuple[ThinLens, ...], effort: Effort
) -> LayersReference:
    """The record of a built-in scene; deterministic on one Mitsuba variant."""
    margin = _MARGIN_PX + int(max(lens.blur_scale_px for lens in lenses))
    large = enlarged_scene(kind, seed, camera, margin)
    tracer = Tracer(as_squares(large, camera, f"{kind}-{seed}"), camera)
    traced = [quiet_frame(tracer, lens, effort, seed=1 + 2 * index) for index, lens in enumerate(lenses)]
    frames, noise = zip(*traced, strict=True)
    return LayersReference(kind, seed, np.stack(frames), lenses, tuple(noise), block_means(large))


def save(reference: LayersReference, path: Path) -> None:
    """Light in 16 bits, as `references.store` has it; coverage is exact."""
    layers = reference.layers
    write_arrays(
        path,
        reference,
        kind=np.array(reference.name),
        color=encoded(layers.color.numpy()),
        coverage=(layers.coverage * _BLOCK_SHARES).round().to(torch.uint8).numpy(),
        disparity=layers.disparity.numpy(),
        margin_px=np.array(layers.margin_px),
        frames=encoded(reference.frames),
    )


def load(path: Path) -> LayersReference:
    """A file of `save`. Raises ValueError when the file is no such reference."""
    fields = read_arrays(path, "kind", "color", "coverage", "disparity", "margin_px", "frames")
    color, disparity = torch.from_numpy(decoded(fields["color"])), torch.from_numpy(fields["disparity"])
    coverage = torch.from_numpy(fields["coverage"]).float() / _BLOCK_SHARES
    return LayersReference(
        name=str(fields["kind"]),
        seed=fields["seed"],
        layers=LayeredDepthImage(color, coverage, disparity, int(fields["margin_px"])),
        frames=decoded(fields["frames"]),
        lenses=fields["lenses"],
        noise_psnr=fields["noise_psnr"],
    )


STORED = ("cutouts", "foliage")
STORED_CAMERA = Camera(height=64, width=96)
STORED_FRAMES = (0, 3)


def trace_stored(folder: Positional[Path]) -> None:
    """Trace the small references of the tests anew into a folder."""
    lenses = tuple(lenses_of(STORED_CAMERA)[index] for index in STORED_FRAMES)
    for kind in STORED:
        reference = traced_layers(kind, 0, STORED_CAMERA, lenses, Effort(rounds=6, noise_psnr=58.0))
        path = folder / f"{kind}.npz"
        save(reference, path)
        noise = ", ".join(f"{value:.1f}" for value in reference.noise_psnr)
        print(f"{path}: noise {noise} dB, {path.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    tyro.cli(trace_stored)
