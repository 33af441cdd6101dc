"""Thin-lens focal stacks from a photo and its disparity: pure torch, linear light, no files and no global state.

Start reading in `simulator/reference/scatter.py`: the same mathematics, slow and obvious. `simulator/render.py` shows
the whole flow of the fast renderer on one page.
"""

from simulator.layers.ldi import LayeredDepthImage
from simulator.optics.aperture import Aperture
from simulator.optics.color import linear_to_srgb, srgb_to_linear
from simulator.optics.lens import ThinLens
from simulator.optics.psf_table import PsfTable
from simulator.optics.pupil import PupilRaster
from simulator.render import RENDERER_VERSION, Scene, render_stack

__all__ = [
    "RENDERER_VERSION",
    "Aperture",
    "LayeredDepthImage",
    "PsfTable",
    "PupilRaster",
    "Scene",
    "ThinLens",
    "linear_to_srgb",
    "render_stack",
    "srgb_to_linear",
]
