"""Built-in scenes: seeded, varied, in linear light, with exact disparity and exact hidden surfaces.

The modules of `simulator/scenes/` render them: camera, solids, light, shading, raster, and one for each kind.
"""

from dataclasses import dataclass
from zlib import crc32

from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.camera import Camera
from simulator.scenes.colonnade import colonnade
from simulator.scenes.foliage import foliage
from simulator.scenes.interior import interior
from simulator.scenes.landscape import fence, hills
from simulator.scenes.look import CameraLook, draw_look
from simulator.scenes.market import market
from simulator.scenes.near_things import near_things
from simulator.scenes.night_street import night_street
from simulator.scenes.raster import render_layers
from simulator.scenes.rng import Rng
from simulator.scenes.still_life import still_life
from simulator.scenes.suspended import clutter, cutouts
from simulator.scenes.view import Shot, View, draw_zoom, point_camera

SCENES_VERSION = 2
"""Rises with every change of what a seed shows."""

_SCENES = (still_life, night_street, foliage, interior, cutouts, hills, market, fence, colonnade, clutter)
_KINDS = {scene.__name__: scene for scene in _SCENES}
_BACKDROPS = ("night_street", "foliage", "interior", "hills", "market", "fence", "colonnade")
_FOREGROUNDS = ("still_life", "night_street", "foliage", "interior", "cutouts", "hills", "market", "fence", "clutter")
_MIXED = 0.4  # share of scenes whose foreground stands before another kind's backdrop
_SMALLEST_PX = 16
_MOST_LAYERS = 22

KINDS: tuple[str, ...] = tuple(_KINDS)


@dataclass(frozen=True)
class BuiltinScene:
    """A scene: its kind, one of KINDS; the kinds of its foreground and backdrop, one of which that is; its camera.

    The layers' colors are the light under the camera's look.
    """

    kind: str
    foreground: str
    backdrop: str
    view: View
    look: CameraLook
    layers: LayeredDepthImage


def builtin_scene(seed: int, *, height: int, width: int, kind: str | None = None, margin_px: int = 0) -> BuiltinScene:
    """The scene `seed`, of a kind in KINDS. Without a kind, seeds take turns: KINDS[seed % len(KINDS)]; some are mixed.

    Disparity spans [0.02, 0.98] within the frame, bigger is nearer, affine in inverse depth. One surface covers
    everything. The scene continues for margin_px beyond the frame on every side; the frame itself does not change.
    A pure function: the same bytes for the same arguments, on the CPU, whatever the number of threads.

    Raises ValueError when the kind is unknown, the frame smaller than 16 pixels, or the margin negative.
    """
    if kind is not None and kind not in _KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    if min(height, width) < _SMALLEST_PX:
        raise ValueError(f"height and width must be >= {_SMALLEST_PX} px, got {height} and {width}")
    if margin_px < 0:
        raise ValueError(f"margin_px must be >= 0, got {margin_px}")
    chosen = kind or KINDS[seed % len(KINDS)]
    rng = Rng(seed, crc32(b"view"))
    front, back = (chosen, chosen) if kind else _mixed(chosen, rng)
    zoom = draw_zoom(rng)
    frame = Camera(height, width, focal=min(1.0, zoom), margin_px=margin_px)
    backdrop = _KINDS[back](frame, Rng(seed, crc32(back.encode())))
    foreground = backdrop if front == back else _KINDS[front](frame, Rng(seed, crc32(front.encode())), backdrop.light)
    view, shot, nearest = point_camera(rng, zoom, backdrop, foreground)
    camera = shot[-1][0]
    near = near_things(Rng(seed, crc32(b"near")), camera, foreground.light, nearest)
    shot += [(camera, layer) for layer in near]
    layers = render_layers(_at_most(_MOST_LAYERS, shot, len(backdrop.backdrop)))
    layers = _mirrored(layers) if view.is_mirrored else layers
    look = draw_look(Rng(seed, crc32(b"look")), _metered(layers))
    return BuiltinScene(chosen, front, back, view, look, look.applied(layers, view.focal))


def _mirrored(layers: LayeredDepthImage) -> LayeredDepthImage:
    color, coverage, disparity = (plane.flip(-1) for plane in (layers.color, layers.coverage, layers.disparity))
    return LayeredDepthImage(color, coverage, disparity, layers.margin_px)


def _metered(layers: LayeredDepthImage) -> Tensor:
    """Every third pixel of the photo's rows and columns: [3, h, w]; enough for a meter."""
    m = layers.margin_px
    at = ..., slice(m, m + layers.height, 3), slice(m, m + layers.width, 3)
    return LayeredDepthImage(layers.color[at], layers.coverage[at], layers.disparity[at]).photo()[0]


def _mixed(kind: str, rng: Rng) -> tuple[str, str]:
    """Kinds of foreground and backdrop; one of them is `kind`."""
    is_mixed, is_front = rng.chance(_MIXED), rng.chance(0.5)
    front, back = rng.choice(_FOREGROUNDS), rng.choice(_BACKDROPS)
    if not is_mixed:
        return kind, kind
    if kind in _FOREGROUNDS and (is_front or kind not in _BACKDROPS):
        return kind, back
    return front, kind


def _at_most(count: int, shot: Shot, backdrop: int) -> Shot:
    """Joins neighboring layers of the foreground, the farthest first, until there are no more than `count`."""
    shot = list(shot)
    at = backdrop
    while len(shot) > count:
        (camera, far), (_, near) = shot[at], shot.pop(at + 1)
        shot[at] = camera, [*far, *near]
        at = at + 1 if at + 2 < len(shot) else backdrop
    return shot
