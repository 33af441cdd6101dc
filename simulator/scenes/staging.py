"""A scene of one kind, built and lit, before it is photographed."""

from dataclasses import dataclass

from simulator.scenes.camera import Camera
from simulator.scenes.light import Light
from simulator.scenes.raster import Primitive

Layers = list[list[Primitive]]


@dataclass(frozen=True)
class Staging:
    """Layers of primitives, farthest first, and the camera that they were laid out for.

    The foreground may be photographed before another kind's backdrop; it is empty where everything stands on the
    backdrop's floor.
    """

    camera: Camera
    light: Light
    backdrop: Layers
    foreground: Layers
