"""Things at the picture's top and sides: they are where foregrounds are not."""

import torch

from simulator.scenes.camera import Camera
from simulator.scenes.light import light_from_colors, unit_direction
from simulator.scenes.near_things import near_things
from simulator.scenes.raster import Primitive, render_layers
from simulator.scenes.rng import Rng
from simulator.scenes.shading import glowing
from simulator.scenes.solids import SkyDome

LIGHT = light_from_colors(unit_direction(2.0, 0.5), ("#ffffff", 2.0), ("#c0d0e0", 0.5), "#808080")
CAMERA = Camera(height=32, width=48, focal=1.3, eye=1.5, pitch=0.1)


def test_near_things_are_seen_in_the_upper_half_more_than_in_the_lower() -> None:
    upper, lower = 0.0, 0.0
    for seed in range(24):
        near = near_things(Rng(seed), CAMERA, LIGHT, nearest=1.2)
        for layer in near:
            sky = [Primitive(SkyDome(), glowing(torch.ones(3)))]
            coverage = render_layers([(CAMERA, sky), (CAMERA, layer)]).coverage[1]
            upper, lower = upper + float(coverage[:16].sum()), lower + float(coverage[16:].sum())
    assert upper > 1.3 * lower
    assert upper + lower > 24 * 0.05 * coverage.numel()
