"""Solids against what defines them: points that rays meet lie on the surface, and nothing lies before them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from simulator.scenes.camera import FLOOR_AXES, Camera, Pose, Rays, pose_at
from simulator.scenes.furniture import PROFILES, vessel
from simulator.scenes.outlines import disc, flower, gear, heart, leaf_blade, rectangle, star
from simulator.scenes.solids import Box, Card, Lathe, Solid, cone, cylinder, ellipsoid, sphere

CAMERA = Camera(height=40, width=60, focal=1.2)
TILTED = pose_at((0.1, -0.1, 2.0), yaw=0.4, pitch=-0.5, roll=0.3)


def rays() -> Rays:
    """Rays through the middle of every pixel, float64."""
    y, x = torch.meshgrid(
        torch.arange(40, dtype=torch.float64) + 0.5, torch.arange(60, dtype=torch.float64) + 0.5, indexing="ij"
    )
    return CAMERA.rays(x.flatten(), y.flatten())


def met(solid: Solid) -> tuple[Tensor, Tensor, Tensor]:
    """(points [3, n], parts [n], which rays) where the solid is met."""
    hits = solid.intersect(rays(), 1e-3)
    hit = (hits.part >= 0).nonzero()[:, 0]
    assert hit.numel() > 20, "the solid must be in the picture"
    bundle = rays()
    points = Rays(bundle.origin, bundle.direction[:, hit]).at(1.0 / hits.inverse_depth[hit])
    return points, hits.part[hit], hit


def test_a_sphere_is_met_where_the_closed_form_says() -> None:
    center, radius = (0.2, -0.1, 3.0), 0.7
    hits = sphere(center, radius).intersect(rays(), 1e-3)
    direction = rays().direction
    # |t d − c|² = r²: t = (d·c − √((d·c)² − d² (c² − r²))) / d²
    along = sum(d * c for d, c in zip(direction, center, strict=True))
    square = (direction * direction).sum(0)
    root = along * along - square * (sum(c * c for c in center) - radius**2)
    depth = (along - root.clamp(min=0.0).sqrt()) / square
    assert torch.equal(hits.part >= 0, root >= 0)
    hit = root >= 0
    assert (hits.inverse_depth[hit] - 1.0 / depth[hit]).abs().max() < 1e-12  # float64


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_points_on_a_lathe_have_the_radius_of_its_profile(name: str) -> None:
    solid = vessel(name, Pose((0.0, -0.5, 2.2), TILTED.axes), 1.0)
    points, part, _ = met(solid)
    x, y, z = solid.pose.points_to_local(points)[:, part == 0.0]
    square = torch.zeros_like(y)
    for arc in solid.arcs:
        square = torch.where((y >= arc.low) & (y <= arc.high), arc.a + arc.b * y + arc.c * y * y, square)
    assert (x * x + z * z - square).abs().max() < 1e-9  # float64, over a few meters


def test_a_profile_has_no_corners() -> None:
    arcs = vessel("vase", Pose((0.0, 0.0, 1.0)), 1.0).arcs
    for lower, upper in pairwise(arcs):
        y = upper.low
        assert lower.a + lower.b * y + lower.c * y * y == pytest.approx(upper.a + upper.b * y + upper.c * y * y)
        assert lower.b + 2 * lower.c * y == pytest.approx(upper.b + 2 * upper.c * y)


@pytest.mark.parametrize(
    "solid",
    [
        sphere((0.1, 0.0, 2.0), 0.4),
        ellipsoid(TILTED, 0.3, 0.5, 0.7),
        cylinder(TILTED, 0.3, 0.6),
        cone(TILTED, 0.4, 0.0, 0.8),
        vessel("amphora", TILTED, 0.6),
    ],
)
def test_normals_of_lathes_stand_on_the_surface_and_face_us(solid: Lathe) -> None:
    points, part, hit = met(solid)
    normal, _ = solid.surface(points, part)
    assert ((normal * normal).sum(0) - 1.0).abs().max() < 1e-9
    facing = (normal * rays().direction[:, hit]).sum(0)
    assert (facing[part == 0.0] < 1e-6).all()  # the first meeting is on the near side
    step = 1e-5  # a step along a tangent stays on the surface to second order
    side = part == 0.0
    tangent = torch.linalg.cross(
        normal, torch.tensor([[0.3], [0.5], [0.8]], dtype=torch.float64).expand_as(normal), dim=0
    )
    x, y, z = solid.pose.points_to_local(points + step * tangent)[:, side]
    z = z / solid.squash
    square = torch.zeros_like(y)
    for arc in solid.arcs:
        within = (y >= arc.low) & (y <= arc.high)
        square = torch.where(within, arc.a + arc.b * y + arc.c * y * y, square)
    inner = (y > solid.low + 0.01) & (y < solid.high - 0.01)
    assert (x * x + z * z - square)[inner].abs().max() < 1e-8


def test_a_cup_shows_its_inside() -> None:
    cup = vessel("cup", pose_at((0.0, -0.3, 2.0), pitch=-0.8), 0.6)
    points, part, hit = met(cup)
    normal, _ = cup.surface(points, part)
    facing = (normal * rays().direction[:, hit]).sum(0)
    assert (facing > 0.1).sum() > 20  # far wall, seen from within


def test_a_box_is_met_on_its_nearest_face() -> None:
    box = Box(TILTED, (0.3, 0.2, 0.4))
    points, _, hit = met(box)
    local = box.pose.points_to_local(points)
    excess = torch.stack([local[i].abs() - box.half[i] for i in range(3)])
    assert excess.amax(dim=0).abs().max() < 1e-12  # on the surface
    bundle = rays()
    before = box.pose.points_to_local(Rays(bundle.origin, bundle.direction[:, hit]).at(points[2] - 1e-6))
    outside = torch.stack([before[i].abs() - box.half[i] for i in range(3)]).amax(dim=0)
    assert (outside > 0).all()  # a little nearer to us there is nothing yet


def test_a_box_faces_us_with_the_face_it_names() -> None:
    box = Box(TILTED, (0.3, 0.2, 0.4))
    points, part, hit = met(box)
    normal, _ = box.surface(points, part)
    assert ((normal * rays().direction[:, hit]).sum(0) < 0).all()
    assert len(part.unique()) == 3


def test_a_card_is_affine_in_pixel_coordinates() -> None:
    w = Card(TILTED).intersect(rays(), 1e-3).inverse_depth.reshape(40, 60)
    assert w.diff(n=2, dim=0).abs().max() < 1e-14
    assert w.diff(n=2, dim=1).abs().max() < 1e-14
    assert w.std() > 1e-3


def test_a_floor_is_met_only_below_the_horizon() -> None:
    bundle = Camera(height=40, width=60, focal=1.2, eye=1.5).rays(*(v.flatten() for v in grid()))
    hits = Card(Pose((0.0, 0.0, 0.0), FLOOR_AXES)).intersect(bundle, 1e-3)
    below = bundle.direction[1] < 0
    assert torch.equal(hits.part >= 0, below)
    assert (bundle.at(1.0 / hits.inverse_depth.clamp(min=1e-9))[1][below]).abs().max() < 1e-9


def grid() -> tuple[Tensor, Tensor]:
    y, x = torch.meshgrid(torch.arange(40.0) + 0.5, torch.arange(60.0) + 0.5, indexing="ij")
    return x.double(), y.double()


@pytest.mark.parametrize(
    ("outline", "area"),
    [
        (disc(0.5), math.pi * 0.25),
        (rectangle(0.4, 0.3), 0.48),
        (star(5, 0.6, 0.3), 5 * 0.6 * 0.3 * math.sin(math.pi / 5)),
        (heart(0.3), (2.0 + math.pi / 2) * 0.09),
    ],
)
def test_outlines_enclose_their_area(outline: object, area: float) -> None:
    step = 1.0 / 400
    axis = torch.arange(-1.0, 1.0, step, dtype=torch.float64) + 0.5 * step
    inside = outline(axis[None, :].expand(len(axis), -1), axis[:, None].expand(-1, len(axis))) < 0  # type: ignore[operator]
    assert float(inside.sum()) * step**2 == pytest.approx(area, rel=0.01)  # counting squares: perimeter × step / area


def test_outlines_do_not_exceed_true_distance_near_their_edge() -> None:
    """The raster looks for thin parts within a sample of the edge: |∇d| must not be far above 1."""
    axis = torch.linspace(-0.7, 0.7, 281, dtype=torch.float64)
    for outline in (flower(6, 0.4, 0.5), leaf_blade(0.6, 0.25), gear(9, 0.4), star(6, 0.5, 0.3)):
        d = outline(axis[None, :].expand(281, -1).clone(), axis[:, None].expand(-1, 281).clone())
        slope = (d.diff(dim=0)[:, 1:] ** 2 + d.diff(dim=1)[1:] ** 2).sqrt() / float(axis[1] - axis[0])
        assert float(slope[d[1:, 1:].abs() < 0.02].median()) < 2.5
