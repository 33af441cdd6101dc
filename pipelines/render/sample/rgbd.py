"""RGB-D images to render: a photo with its disparity map, or a built-in scene whose every surface is known."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from pipelines.pictures.srgb8 import from_srgb8, to_srgb8
from pipelines.render.config import StackConfig
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.photos.photo import Photo, PhotoSource
from shards.record import SceneRecord
from simulator import LayeredDepthImage, Scene
from simulator.optics.highlight import HighlightCurve
from simulator.scenes.catalog import SCENES_VERSION, BuiltinScene, builtin_scene
from simulator.scenes.format import frame_size


@dataclass(frozen=True)
class RgbdImage:
    """A photo and its disparity map, of the same size."""

    photo: Photo
    disparity: DisparityMap

    def __post_init__(self) -> None:
        if self.disparity.values.shape != self.photo.srgb.shape[:2]:
            raise ValueError(
                f"disparity must be {list(self.photo.srgb.shape[:2])} like the photo, "
                f"got {list(self.disparity.values.shape)}"
            )

    @property
    def is_clipped(self) -> bool:
        """Whether light above white is missing, as in every photo."""
        return True

    @property
    def scene_record(self) -> SceneRecord:
        """Labels of the built-in scene; all default for a photo."""
        return SceneRecord()

    def disparity_range(self, stored: npt.NDArray[np.float32]) -> tuple[float, float]:
        """Smallest and largest disparity of all surfaces; `stored` [H, W] is the map as the shard holds it."""
        return float(stored.min()), float(stored.max())

    def scene(
        self, stored: npt.NDArray[np.float32], max_radius_px: float, device: str, highlight: HighlightCurve
    ) -> Scene:
        """The simulator's scene: the photo in linear light at the stored disparity [H, W].

        `highlight` expands light that the photo clipped.
        """
        light = highlight.expanded(from_srgb8(self.photo.srgb, device))  # [3, H, W]
        return Scene.from_rgbd(light, torch.from_numpy(stored).to(device), max_radius_px=max_radius_px)


@dataclass(frozen=True)
class LayeredRgbdImage(RgbdImage):
    """A built-in scene: light above white and hidden surfaces are exact."""

    layers: LayeredDepthImage
    labels: SceneRecord

    @property
    def is_clipped(self) -> bool:
        return False

    @property
    def scene_record(self) -> SceneRecord:
        return self.labels

    def disparity_range(self, stored: npt.NDArray[np.float32]) -> tuple[float, float]:
        covered = self.layers.disparity[self.layers.coverage > 0]
        return float(covered.min()), float(covered.max())

    def scene(
        self, stored: npt.NDArray[np.float32], max_radius_px: float, device: str, highlight: HighlightCurve
    ) -> Scene:
        return Scene.from_layers(self.layers.to(device), max_radius_px=max_radius_px)


def builtin_rgbd(source: PhotoSource, *, long_side: int, stack: StackConfig) -> LayeredRgbdImage:
    """The built-in scene that `source.location` names, in its format, with its exact disparity."""
    height, width = frame_size(source.builtin_seed, long_side)
    # No disc reaches further than the strongest blur over the whole depth range, which is 1.
    margin_px = math.ceil(stack.blur_level_max / 100 * long_side) + 1
    scene = builtin_scene(source.builtin_seed, height=height, width=width, margin_px=margin_px)
    image, disparity = scene.layers.photo()
    return LayeredRgbdImage(
        photo=Photo(source, to_srgb8(image[None])[0], original_width=width, original_height=height),
        disparity=DisparityMap(
            disparity.numpy(), kind="relative", unit="1", source="builtin", source_revision=str(SCENES_VERSION)
        ),
        layers=scene.layers,
        labels=_scene_record(scene),
    )


def _scene_record(scene: BuiltinScene) -> SceneRecord:
    view = scene.view
    return SceneRecord(
        kind=scene.kind,
        foreground=scene.foreground,
        backdrop=scene.backdrop,
        version=SCENES_VERSION,
        yaw_deg=math.degrees(view.yaw),
        pitch_deg=math.degrees(view.pitch),
        roll_deg=math.degrees(view.roll),
        focal_length=view.focal,
        mirrored=int(view.is_mirrored),
        **vars(scene.look),
    )
