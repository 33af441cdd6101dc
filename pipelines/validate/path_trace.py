"""Reference pictures by path tracing: Mitsuba 3, a real thin lens, surfaces that shine by themselves.

    r = A f |1/z - 1/z_f|    A lens radius (m), f focal length (px), z depth along the axis (m), z_f of the plane
                             in focus: so K = A f (px·m), and D = 1/z is the disparity in 1/m.

A box filter makes each pixel the mean over its own square, and nothing counts but the light that the first surface
sends out: the only noise is where the samples fall on the pixel and on the lens.
"""

import glob
import math
import os
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import UserError
from pipelines.validate.lens_samples import mean_over_samples
from pipelines.validate.surfaces import FOCAL_LENGTH_WIDTHS, ReferenceScene, Surface
from simulator.optics.lens import ThinLens

Picture = NDArray[np.float32]

_LLVM_PLACES = (
    "/usr/lib/x86_64-linux-gnu/libLLVM.so.*",
    "/usr/lib/*/libLLVM.so.*",
    "/usr/lib/llvm-*/lib/libLLVM*.so*",
    "/usr/lib/*/libLLVM-*.so*",
    "/usr/lib64/libLLVM*.so*",
    "/opt/homebrew/opt/llvm/lib/libLLVM.dylib",
)


@dataclass(frozen=True)
class Camera:
    """Picture size; the focal length follows from the width (49° across)."""

    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ValueError(f"height and width must be positive, got {self.height} and {self.width}")

    @property
    def focal_length_px(self) -> float:
        return FOCAL_LENGTH_WIDTHS * self.width

    @property
    def field_of_view_deg(self) -> float:
        return math.degrees(2 * math.atan(self.width / (2 * self.focal_length_px)))


def start_mitsuba() -> Any:
    """The mitsuba module with its fastest working variant set: llvm_ad_rgb when a new enough LLVM is there.

    `mi.variant()` says which one runs. Raises UserError when Mitsuba is not installed.
    """
    try:
        import mitsuba as mi
    except ImportError as error:
        raise UserError(
            "path tracing needs Mitsuba 3, which is not installed: pip install 'refocus-foundry[validate]'"
        ) from error
    if mi.variant() is None:
        library = os.environ.get("DRJIT_LIBLLVM_PATH") or find_llvm()
        try:
            if library is None:
                raise ImportError("no LLVM")
            os.environ["DRJIT_LIBLLVM_PATH"] = library
            mi.set_variant("llvm_ad_rgb")
        except ImportError:
            mi.set_variant("scalar_rgb")
        mi.set_log_level(mi.LogLevel.Error)
    return mi


def find_llvm(oldest: int = 17) -> str | None:
    """The newest LLVM library in the usual places, None if all are older than `oldest`."""
    found = {path for place in _LLVM_PLACES for path in glob.glob(place)}
    versions = {path: _llvm_version(path) for path in found}
    fit = sorted((version, path) for path, version in versions.items() if version >= oldest)
    return fit[-1][1] if fit else None


def _llvm_version(path: str) -> int:
    """19 for libLLVM.so.19.1, libLLVM-19.so and .../llvm-19/lib/libLLVM.so; 0 when the name does not tell."""
    numbers = re.findall(r"(?:libLLVM\.so\.|libLLVM-|llvm-)(\d+)", path)
    return int(numbers[-1]) if numbers else 0


class Tracer:
    """A scene loaded once, for many pictures of it. Nothing nearer than `near_m` is seen."""

    def __init__(self, scene: ReferenceScene, camera: Camera, near_m: float = 0.01) -> None:
        self._mi = start_mitsuba()
        self._near_m, self._camera = near_m, camera
        shapes = {f"surface_{index:03d}": _mesh(self._mi, surface) for index, surface in enumerate(scene.surfaces)}
        integrator = {"type": "path", "max_depth": 1}
        self._loaded = self._mi.load_dict({"type": "scene", "integrator": integrator, **shapes})

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a picture: [3, H, W]."""
        return 3, self._camera.height, self._camera.width

    def picture(self, lens: ThinLens | None, run: range, seed: int) -> Picture:
        """The mean over the samples `run` of a seed's sequence: range(256), then range(256, 512) to go on."""
        sensor = self._mi.load_dict({**_sensor(self._mi, self._camera, lens), "near_clip": self._near_m})
        if self._mi.variant().startswith("scalar"):
            picture = _rendered(self._mi, self._loaded, sensor, run, seed)
        else:
            picture = _traced(self._mi, self._loaded, sensor, self._camera, run, seed)
        return np.ascontiguousarray(picture, dtype=np.float32)

    def disparity(self) -> Picture:
        """1/z of the nearest surface at each pixel's center [H, W], in 1/m; 0 where there is none."""
        mi, (_, height, width), f = self._mi, self.shape, self._camera.focal_length_px
        row, column = np.indices((height, width)).reshape(2, -1) + 0.5
        toward = np.stack([-(column - width / 2) / f, -(row - height / 2) / f, np.ones_like(row)]).astype(np.float32)
        origin = mi.Point3f(0.0, 0.0, 0.0)
        # rays of z = 1, mirrored by _MIRROR: t is the depth along the axis
        if mi.variant().startswith("scalar"):
            depth = np.array([self._loaded.ray_intersect(mi.Ray3f(origin, mi.Vector3f(ray))).t for ray in toward.T])
        else:
            depth = np.array(self._loaded.ray_intersect(mi.Ray3f(origin, mi.Vector3f(toward))).t)
        return (1.0 / depth).reshape(height, width).astype(np.float32)


def _mesh(mi: Any, surface: Surface) -> Any:
    texture = {
        "type": "bitmap",
        "data": mi.TensorXf(surface.radiance),
        "raw": True,
        "wrap_mode": "repeat",
        "filter_type": "nearest" if surface.stepped else "bilinear",
    }
    props = mi.Properties()
    props["emitter"] = mi.load_dict({"type": "area", "radiance": texture})
    mesh = surface.mesh
    shape = mi.Mesh("surface", len(mesh.vertices), len(mesh.faces), has_vertex_texcoords=True, props=props)
    params = mi.traverse(shape)
    params["vertex_positions"] = (mesh.vertices * _MIRROR).astype(np.float32).ravel()
    params["vertex_texcoords"] = mesh.uv.astype(np.float32).ravel()
    params["faces"] = mesh.faces[:, ::-1].astype(np.uint32).ravel()
    params.update()
    return shape


# Mitsuba's camera has +x on the picture's left: mirrored along x, and each triangle reversed to keep its bright side.
_MIRROR = np.array([-1.0, 1.0, 1.0])


def _sensor(mi: Any, camera: Camera, lens: ThinLens | None) -> dict[str, Any]:
    film = {"type": "hdrfilm", "width": camera.width, "height": camera.height, "component_format": "float32"}
    sensor = {
        "type": "perspective",
        "fov_axis": "x",
        "fov": camera.field_of_view_deg,
        "far_clip": 1e4,
        "to_world": mi.ScalarTransform4f().look_at(origin=[0, 0, 0], target=[0, 0, 1], up=[0, 1, 0]),
        "film": {**film, "pixel_format": "rgb", "rfilter": {"type": "box"}},
        "sampler": {"type": "multijitter"},
    }
    if lens is None:
        return sensor
    radius_m = lens.blur_scale_px / camera.focal_length_px  # A = K / f
    return {**sensor, "type": "thinlens", "aperture_radius": radius_m, "focus_distance": 1.0 / lens.focus_disparity}


def _traced(mi: Any, loaded: Any, sensor: Any, camera: Camera, run: range, seed: int) -> Picture:
    """Rays of Mitsuba's lens through points that fill pixel and lens evenly together: [3, H, W]."""
    pixel = mi.UInt32(np.arange(camera.height * camera.width, dtype=np.uint32))
    column, row = mi.Float(pixel % camera.width), mi.Float(pixel // camera.width)

    def light(point: list[Any]) -> Any:
        film = mi.Point2f((column + point[0]) / camera.width, (row + point[1]) / camera.height)
        ray, _ = sensor.sample_ray(0.0, 0.5, film, mi.Point2f(point[2], point[3]))
        hit = loaded.ray_intersect(ray)
        return hit.emitter(loaded).eval(hit)

    return np.array(mean_over_samples(mi, light, pixel, run, seed)).reshape(3, camera.height, camera.width)


def _rendered(mi: Any, loaded: Any, sensor: Any, run: range, seed: int) -> Picture:
    """Mitsuba's own path tracer, its own samples: runs on every variant, noisier. [3, H, W]"""
    own_seed = int(np.random.SeedSequence([seed, run.start]).generate_state(1)[0])
    return np.array(mi.render(loaded, sensor=sensor, spp=len(run), seed=own_seed)).transpose(2, 0, 1)
