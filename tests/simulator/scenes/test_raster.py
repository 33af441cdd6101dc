"""The raster: disparity exact at pixel centers, coverage equal to covered area, layers whole behind each other."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.camera import Camera, Pose, pose_at
from simulator.scenes.outlines import disc
from simulator.scenes.raster import Primitive, render_layers
from simulator.scenes.shading import Hit
from simulator.scenes.solids import Card, SkyDome, sphere

CAMERA = Camera(height=48, width=64, focal=1.3)
WALL = Card(pose_at((0.0, 0.0, 5.0), yaw=0.5, pitch=0.2))


def white(hit: Hit) -> Tensor:
    return torch.ones(3, hit.depth.shape[0])


def position(hit: Hit) -> Tensor:
    return hit.point.abs()


def pictured(*primitives: Primitive, camera: Camera = CAMERA) -> LayeredDepthImage:
    return render_layers(
        [(camera, layer) for layer in ([Primitive(SkyDome(), white)], *([body] for body in primitives))]
    )


def test_a_plane_is_affine_in_pixel_coordinates_also_where_it_is_hidden() -> None:
    layers = pictured(Primitive(WALL, white), Primitive(sphere((0.0, 0.0, 2.0), 0.5), white))
    plane = layers.disparity[1].double()
    assert plane.diff(n=2, dim=0).abs().max() < 3e-7  # float32 of values below 1
    assert plane.diff(n=2, dim=1).abs().max() < 3e-7
    assert plane.std() > 0.01


def test_a_sphere_has_the_disparity_of_the_closed_form() -> None:
    center, radius = (0.2, -0.1, 2.0), 0.5
    layers = pictured(Primitive(sphere(center, radius), white))
    y, x = torch.meshgrid(torch.arange(48.0) + 0.5, torch.arange(64.0) + 0.5, indexing="ij")
    ray = torch.stack([(x - 32) / (1.3 * 64), -(y - 24) / (1.3 * 64), torch.ones_like(x)]).double()
    along = sum(d * c for d, c in zip(ray, center, strict=True))
    square = (ray * ray).sum(0)
    root = along * along - square * (sum(c * c for c in center) - radius**2)
    hit = root >= 0
    inverse_depth = square / (along - root.clamp(min=0.0).sqrt())
    exact = 0.02 + 0.96 * inverse_depth / float(inverse_depth[hit].max())  # the sky lies at 0
    assert (layers.disparity[1].double() - exact)[hit].abs().max() < 1e-6  # float32


def test_coverage_adds_up_to_the_area() -> None:
    radius, depth = 0.4, 2.0
    card = Card(Pose((0.13, 0.07, depth)), disc(radius), (-radius, radius, -radius, radius))
    covered = float(pictured(Primitive(card, white)).coverage[1].sum())
    exact = math.pi * (radius * 1.3 * 64 / depth) ** 2
    assert covered == pytest.approx(exact, rel=2e-3)  # 16 samples in each of ~100 rim pixels of ~870


def test_a_pane_covers_its_opacity_and_keeps_color_and_disparity() -> None:
    pane = Card(Pose((0.0, 0.0, 2.0)), disc(0.4), (-0.4, 0.4, -0.4, 0.4))
    solid, glass = pictured(Primitive(pane, white)), pictured(Primitive(pane, white, lambda hit: 0.2 * hit.depth**0))
    assert float((glass.coverage[1] - 0.2 * solid.coverage[1]).abs().max()) < 1e-6
    seen = solid.coverage[1] > 0
    assert float((glass.color[1] - 1.0)[:, seen].abs().max()) < 1e-5
    assert float((glass.disparity[1] - solid.disparity[1])[seen].abs().max()) < 1e-6


def test_coverage_is_whole_inside_and_partial_only_at_the_rim() -> None:
    coverage = pictured(Primitive(sphere((0.0, 0.0, 2.0), 0.5), white)).coverage[1]
    partial = (coverage > 0) & (coverage < 1)
    assert 20 < int(partial.sum()) < 4 * 2 * math.pi * 0.5 * 1.3 * 64 / 2.0
    assert int((coverage == 1).sum()) > 500


def test_thin_lines_keep_their_light() -> None:
    """A wire a third of a pixel wide is no row of dots: every column holds about a third of a pixel."""
    width = 0.33 * 2.0 / (1.3 * 64)
    wire = Card(Pose((0.0, 0.03, 2.0)), lambda x, y: y.abs() - 0.5 * width, (-9.0, 9.0, -width, width), thin=True)
    columns = pictured(Primitive(wire, white)).coverage[1].sum(dim=0)
    assert float(columns.min()) > 0.2
    assert float(columns.max()) < 0.45


def test_color_is_not_dimmed_at_the_rim_and_goes_on_one_pixel_beyond() -> None:
    layers = pictured(Primitive(sphere((0.0, 0.0, 2.0), 0.5), white))
    covered = layers.coverage[1] > 0
    assert (layers.color[1][:, covered] - 1.0).abs().max() < 1e-5
    beyond = torch.nn.functional.max_pool2d(covered[None].float(), 3, stride=1, padding=1)[0].bool() & ~covered
    assert (layers.color[1][:, beyond] - 1.0).abs().max() < 1e-5
    assert float(layers.disparity[1][beyond].min()) > 0.5


def test_a_border_in_a_pattern_is_as_smooth_as_four_samples_make_it() -> None:
    def halves(hit: Hit) -> Tensor:
        return (0.2 + 0.8 * (hit.point[0] > 0.3 * hit.point[1])).expand(3, -1)

    light = pictured(Primitive(Card(Pose((0.0, 0.0, 5.0))), halves)).color[1, 0]
    between = (light > 0.25) & (light < 0.95)
    assert int(between.sum()) > 20  # of 48 rows: in the others the border passes beside the four samples
    assert {round(float(value), 2) for value in light[between]} == {0.4, 0.6, 0.8}


def test_bodies_of_one_layer_hide_each_other_by_depth_not_by_order() -> None:
    near, far = sphere((0.0, 0.0, 2.0), 0.3), sphere((0.0, 0.0, 4.0), 1.0)
    gray = Primitive(far, lambda hit: torch.full((3, hit.depth.shape[0]), 0.25))
    one = render_layers([(CAMERA, [Primitive(SkyDome(), white)]), (CAMERA, [Primitive(near, white), gray])])
    other = render_layers([(CAMERA, [Primitive(SkyDome(), white)]), (CAMERA, [gray, Primitive(near, white)])])
    assert torch.equal(one.color, other.color)
    assert torch.equal(one.disparity, other.disparity)
    assert float(one.color[1, 0, 24, 32]) == 1.0


def test_the_frame_does_not_depend_on_the_margin() -> None:
    primitives = (Primitive(WALL, position), Primitive(sphere((-0.7, 0.3, 2.0), 0.5), position))
    plain = pictured(*primitives)
    wide = pictured(*primitives, camera=Camera(height=48, width=64, focal=1.3, margin_px=7))
    for name in ("color", "coverage", "disparity"):
        assert torch.equal(getattr(wide, name)[..., 7:-7, 7:-7], getattr(plain, name)), name


def test_what_lies_partly_behind_the_eye_is_still_drawn() -> None:
    wall = Card(
        Pose((0.5, 0.0, 0.0), ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))),
        lambda x, y: torch.maximum(x.abs() - 6.0, y.abs() - 0.2),
        (-6.0, 6.0, -0.2, 0.2),
    )
    coverage = pictured(Primitive(wall, white)).coverage[1]
    assert bool((coverage[:, -1] == 1).any())  # it leaves the frame on the right
    assert float(coverage[24, 40:].min()) == 1.0
