"""Blades against a path tracer: a plate with a polygonal hole before the lens, stored at 240 pixels across.

`validate` traces it at its own width.
"""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.validate.iris import BLADES, ROTATION_DEG, compare_iris, iris_lenses, lamps, plate
from pipelines.validate.meshes import Floats
from pipelines.validate.references import STORED_FOLDER, load

IRIS = STORED_FOLDER / "iris" / "iris.npz"


def test_blades_look_like_traced_blades_and_like_nothing_else() -> None:
    """Measured 2026-11-25: 44.4 and 41.2 dB; a disc 31.1 and 30.3, the blades upside down 33.7 and 32.7."""
    reference = load(IRIS)
    assert reference.lenses == iris_lenses(lamps(0), 240)
    check = compare_iris(reference)
    for blades, disc, upside_down in zip(check.blades, check.disc, check.upside_down, strict=True):
        assert blades > 40.5
        assert blades > disc + 10.0
        assert blades > upside_down + 8.0
    assert min(check.noise_psnr) > max(check.blades) + 2.0  # our error has 1.6 times the power of the noise or more
    assert "5 blades path-traced" in check.summary()


def test_the_plate_leaves_a_polygon_open() -> None:
    """Every corner lies on the lens's circle, the first one turned from the right towards down (y points up here)."""
    mesh = plate(BLADES, ROTATION_DEG, 0.5).mesh
    corners = mesh.vertices[:BLADES]
    np.testing.assert_allclose(np.hypot(corners[:, 0], corners[:, 1]), 0.5)
    assert np.degrees(np.arctan2(-corners[0, 1], corners[0, 0])) == pytest.approx(ROTATION_DEG)
    a, b, c = (mesh.vertices[mesh.faces[:, k], :2] for k in range(3))
    covered = 0.5 * np.abs(_cross(b - a, c - a)).sum()
    polygon = BLADES / 2 * np.sin(2 * np.pi / BLADES) * 0.25
    assert covered == pytest.approx(15 * polygon)  # the outer corners lie four radii out: 16 polygons less the hole


def _cross(first: Floats, second: Floats) -> Floats:
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]


def test_traced_anew_it_is_the_stored_picture() -> None:
    pytest.importorskip("mitsuba", reason="pip install -e '.[validate]' brings it")
    import torch

    from pipelines.measure.rendering_error import psnr
    from pipelines.validate.iris import trace_iris
    from pipelines.validate.path_trace import Camera
    from pipelines.validate.references import Effort

    small = Camera(height=32, width=48)
    scene = lamps(0)
    traced = trace_iris(scene, small, iris_lenses(scene, 48), Effort(samples=512, rounds=1, aif_samples=16))
    stored = torch.from_numpy(load(IRIS).frames)
    shrunk = stored.reshape(2, 3, 32, 5, 48, 5).mean(dim=(3, 5))  # the same field of view, radii in proportion
    assert psnr(torch.from_numpy(traced.frames), shrunk) > 32.0  # 512 rays a pixel leave noise of about 38 dB
