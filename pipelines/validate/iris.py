"""A lens with blades, path-traced: the pupil is a black plate with a polygon cut out, right before the thin lens.

The plate shares no code with the renderer's pupils: corners on the circle of the lens, straight sides, triangles that
block rays. The light that it blocks is restored by the ratio of circle to polygon. Five blades are odd, so the picture
also tells whether spots are upright behind the plane of focus and upside down in front of it.
"""

import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

from pipelines.validate.meshes import Mesh, quad
from pipelines.validate.path_trace import Camera, Tracer
from pipelines.validate.references import Effort, Picture, Reference, load, quiet_frame, save
from pipelines.validate.surfaces import Painter, ReferenceScene, Surface
from pipelines.validate.table import errors_of
from simulator import Aperture, ThinLens, render_stack

LOG = logging.getLogger(__name__)

BLADES = 5
ROTATION_DEG = 20.0
NEAR_M, WALL_M = 2.0, 8.0
LAMPS = 12  # at each depth
PLATE_M = 1e-4
"""From the lens. A ray of 25° crosses the plate 5e-5 m off: a thousandth of the smallest lens radius here."""
NOISE_PSNR = 50.0
_BEYOND = 4.0  # the plate's outer corners, in lens radii


@dataclass(frozen=True)
class IrisCheck:
    """PSNR of the interior (dB, one entry a frame): ours with the traced blades; with a disc; and turned half-way.

    The blades are seen when the first is well above the others. noise_psnr: of the reference itself.
    """

    blades: tuple[float, ...]
    disc: tuple[float, ...]
    upside_down: tuple[float, ...]
    noise_psnr: tuple[float, ...]

    def summary(self) -> str:
        ours, disc, turned = (fmean(values) for values in (self.blades, self.disc, self.upside_down))
        against = f"a disc in their place {disc:.1f} dB, upside down {turned:.1f} dB"
        noise = f"noise of the reference {min(self.noise_psnr):.0f} dB"
        return f"iris: {BLADES} blades path-traced, rendered with blades {ours:.1f} dB, {against}, {noise}"


def lamps(seed: int) -> ReferenceScene:
    """Small lamps on a dark wall, and others hanging before it: every one of them draws the pupil."""
    painter = Painter("lamps", seed)
    surfaces = [painter.lamp(quad(16.0, 12.0).moved((0.0, 0.0, WALL_M)), 0.02, (1.0, 1.0, 1.0))]
    for depth_m, side in ((WALL_M - 0.01, 0.14), (NEAR_M, 0.035)):
        for _ in range(LAMPS):
            x, y = (painter.uniform(-half, half) * depth_m for half in (0.4, 0.26))
            tint = (painter.uniform(0.6, 1.0), painter.uniform(0.4, 1.0), painter.uniform(0.2, 1.0))
            surfaces.append(painter.lamp(quad(side, side).moved((x, y, depth_m)), 5.0, tint))
    return ReferenceScene("lamps", seed, tuple(surfaces), (NEAR_M, (NEAR_M + WALL_M) / 2, WALL_M))


def plate(blades: int, rotation_deg: float, lens_radius_m: float) -> Surface:
    """The black plate: a corner of its hole points to the picture's right, turned by the rotation towards down."""
    angles = np.radians(rotation_deg) + 2 * np.pi * np.arange(blades) / blades
    corners = np.stack([np.cos(angles), -np.sin(angles), np.zeros(blades)], axis=1)  # y of meshes points up
    rings = np.concatenate([corners, _BEYOND * corners]) * lens_radius_m + [0, 0, PLATE_M]
    following = np.roll(np.arange(blades), -1)
    inner, outer = np.arange(blades), np.arange(blades) + blades
    faces = np.concatenate(
        [np.stack([inner, outer, outer[following]], axis=1), np.stack([inner, outer[following], following], axis=1)]
    )
    mesh = Mesh(rings, np.zeros((2 * blades, 2)), faces)
    return Surface(mesh, np.zeros((1, 1, 3), np.float32))


def trace_iris(scene: ReferenceScene, camera: Camera, lenses: tuple[ThinLens, ...], effort: Effort) -> Reference:
    """The scene through the lens with blades: light as through a full opening of the same exposure."""
    share = BLADES / (2 * math.pi) * math.sin(2 * math.pi / BLADES)  # polygon by circle
    frames, noise = list[Picture](), list[float]()
    for index, lens in enumerate(lenses):
        radius_m = lens.blur_scale_px / camera.focal_length_px
        blocked = replace(scene, surfaces=(*scene.surfaces, plate(BLADES, ROTATION_DEG, radius_m)))
        frame, quiet = quiet_frame(Tracer(blocked, camera, near_m=PLATE_M / 2), lens, effort, seed=1 + 2 * index)
        frames.append(frame / np.float32(share))
        noise.append(quiet)
    clear = Tracer(scene, camera)
    aif = clear.picture(None, range(effort.aif_samples), seed=0)
    return Reference(f"{scene.name}-iris", scene.seed, np.stack(frames), lenses, tuple(noise), aif, clear.disparity())


def iris_lenses(scene: ReferenceScene, width: int) -> tuple[ThinLens, ...]:
    """Focused on the near lamps and on the wall: the others become spots of 18 px at 480 pixels across."""
    near_m, _, far_m = scene.focus_m
    return tuple(ThinLens(1.0 / depth_m, 48.0 * width / 480) for depth_m in (near_m, far_m))


def compare_iris(reference: Reference) -> IrisCheck:
    """Our frames with the same blades, without them, and with the blades the other way up."""
    return IrisCheck(
        blades=_psnr(reference, Aperture(blades=BLADES, rotation_deg=ROTATION_DEG)),
        disc=_psnr(reference, Aperture()),
        upside_down=_psnr(reference, Aperture(blades=BLADES, rotation_deg=ROTATION_DEG + 180.0)),
        noise_psnr=reference.noise_psnr,
    )


def check_iris(reference: Path, width: int, seed: int) -> IrisCheck:
    """Trace if the reference is not there, and compare. Raises UserError when a tracer is needed and missing."""
    if not reference.exists():
        LOG.info("tracing lamps through %d blades", BLADES)
        scene = lamps(seed)
        camera = Camera(height=2 * width // 3, width=width)
        save(trace_iris(scene, camera, iris_lenses(scene, width), Effort(noise_psnr=NOISE_PSNR)), reference)
    return compare_iris(load(reference))


def _psnr(reference: Reference, aperture: Aperture) -> tuple[float, ...]:
    image, disparity = torch.from_numpy(reference.aif), torch.from_numpy(reference.disparity)
    frames = render_stack(image, disparity, reference.lenses, aperture=aperture)
    return errors_of(reference, "iris", frames).psnr
