"""Labels in words, as the viewer shows them."""

import pytest

from pipelines.preview.page_sample import aperture_text, scene_text
from shards.record import ApertureRecord, SceneRecord


@pytest.mark.parametrize(
    ("aperture", "text"),
    [
        (ApertureRecord(roundness=0.5, rotation_deg=7.0), "disc"),
        (ApertureRecord(shape="blades", blades=7, roundness=0.5, rotation_deg=7.0), "7 blades, roundness 0.5"),
        (ApertureRecord(cat_eye=0.4, obstruction=0.38), "disc, obstruction 0.38, cat-eye 0.4"),
        (ApertureRecord(squeeze=1.5, spherical=-0.2), "disc, spherical -0.2, squeeze 1.5"),
    ],
)
def test_an_aperture_is_named_by_what_differs_from_a_plain_disc(aperture: ApertureRecord, text: str) -> None:
    assert aperture_text(aperture) == text


def test_a_scene_is_named_with_its_camera() -> None:
    scene = SceneRecord("hills", "market", "hills", 2, -4.2, 12.4, 0.8, 1.234, 1)
    assert scene_text(scene) == "market before hills; camera yaw -4°, pitch 12°, roll 1°, f 1.2 long sides, mirrored"
    assert scene_text(SceneRecord("hills", "hills", "hills", 2, focal_length=2.0)).startswith("hills; camera yaw 0°")
    assert scene_text(SceneRecord()) == ""
