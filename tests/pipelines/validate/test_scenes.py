"""The scenes as geometry: no Mitsuba needed."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.validate.meshes import (
    Mesh,
    box,
    cylinder,
    ear_clipping,
    floor,
    joined,
    polygon,
    quad,
    sphere,
    tube,
)
from pipelines.validate.scenes import SCENES, reference_scene
from pipelines.validate.surfaces import Painter, ReferenceScene, Surface


def signed_volume(mesh: Mesh) -> float:
    """Volume that the triangles enclose: positive when (b - a) x (c - a) points outwards."""
    a, b, c = mesh.vertices[mesh.faces].transpose(1, 0, 2)
    return float((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize(
    ("solid", "volume"),
    [
        (box(0.4, 0.7, 0.3), 0.4 * 0.7 * 0.3),
        (sphere(0.5, rows=192), 4 / 3 * np.pi * 0.5**3),
        (cylinder(0.3, 0.8), np.pi * 0.3**2 * 0.8),
        (tube(np.array([[0.0, 0, 0], [0, 0.5, 0], [0, 1, 0]]), np.full(3, 0.1), sides=96), np.pi * 0.1**2),
    ],
    ids=["box", "sphere", "cylinder", "tube"],
)
def test_closed_shapes_shine_outwards(solid: Mesh, volume: float) -> None:
    turned = solid.turned(0.3, 0.4, 0.5).moved((1.0, -2.0, 5.0))  # an open shape's value would change with the origin
    assert signed_volume(turned) == pytest.approx(volume, rel=2e-3)  # chords instead of arcs


@pytest.mark.parametrize("flat", [quad(1, 1), polygon(Painter("x", 0).shape(0.5))], ids=["quad", "polygon"])
def test_flat_shapes_face_the_camera(flat: Mesh) -> None:
    a, b, c = flat.vertices[flat.faces].transpose(1, 0, 2)
    assert (np.cross(b - a, c - a)[:, 2] < 0).all()


def test_floor_is_seen_from_above() -> None:
    a, b, c = floor(-1, 1, 2, 5, 1.0).vertices[floor(-1, 1, 2, 5, 1.0).faces].transpose(1, 0, 2)
    assert (np.cross(b - a, c - a)[:, 1] > 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_ear_clipping_covers_the_polygon_once(seed: int) -> None:
    outline = Painter("x", seed).shape(0.5)
    x, y = outline.T
    area = 0.5 * float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())  # shoelace
    a, b, c = outline[ear_clipping(outline)].transpose(1, 0, 2)
    parts = 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    assert len(parts) == len(outline) - 2
    assert (parts >= 0).all()
    assert parts.sum() == pytest.approx(area, rel=1e-12)


def test_clockwise_outline_is_refused() -> None:
    with pytest.raises(ValueError, match="counterclockwise"):
        ear_clipping(Painter("x", 0).shape(0.5)[::-1])


def test_facing_camera_turns_only_what_looks_away() -> None:
    both = joined([quad(1, 1).moved((0, 0, 3)), quad(1, 1).turned(yaw=np.pi).moved((0, 0, 4))])
    a, b, c = both.facing_camera().vertices[both.facing_camera().faces].transpose(1, 0, 2)
    assert (np.cross(b - a, c - a)[:, 2] < 0).all()


def test_mesh_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"uv \[V, 2\]"):
        Mesh(np.zeros((3, 3)), np.zeros((2, 2)), np.array([[0, 1, 2]]))
    with pytest.raises(ValueError, match="must index the 3 vertices, got 3"):
        Mesh(np.zeros((3, 3)), np.zeros((3, 2)), np.array([[0, 1, 3]]))


def test_surface_and_scene_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="radiance must be float32"):
        Surface(quad(1, 1), np.zeros((2, 2)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=">= 0"):
        Surface(quad(1, 1), np.full((2, 2, 3), -1, dtype=np.float32))
    with pytest.raises(ValueError, match="rise from near to far"):
        ReferenceScene("x", 0, (), (3.0, 2.0, 4.0))


def test_unknown_scene_lists_the_known() -> None:
    with pytest.raises(ValueError, match="cutouts, ground"):
        reference_scene("moon", 0)


def test_a_scene_is_a_function_of_its_name_and_seed() -> None:
    first, again, other = (reference_scene("cutouts", seed) for seed in (0, 0, 1))
    for one, two in zip(first.surfaces, again.surfaces, strict=True):
        assert np.array_equal(one.mesh.vertices, two.mesh.vertices)
        assert np.array_equal(one.radiance, two.radiance)
    assert not np.array_equal(first.surfaces[1].mesh.vertices, other.surfaces[1].mesh.vertices)
    assert first.focus_m != other.focus_m


def test_there_are_at_least_eight_scenes() -> None:
    assert len(SCENES) >= 8
