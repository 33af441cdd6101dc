"""The pupil's table in the page against the simulator's pupil."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pipelines.pictures.lens_gallery import heart_pupil
from pipelines.preview.live_optics import TABLE, UNKNOWN_MASK, live_optics
from pipelines.render.sample.aperture_labels import aperture_record
from simulator import Aperture
from tests.pipelines.preview.page_disparity import unpacked
from tests.pipelines.preview.stack_scene import stack_sample


def optics(aperture: Aperture, mask: bool = False) -> dict[str, object]:
    record = dataclasses.replace(stack_sample().record, aperture=aperture_record(aperture))
    return live_optics(record, heart_pupil() if mask else None)


@pytest.mark.parametrize(
    "aperture", [Aperture(blades=5, rotation_deg=20.0), Aperture(obstruction=0.4), Aperture(raster=heart_pupil())]
)
def test_a_table_is_the_pupil_averaged(aperture: Aperture) -> None:
    pupil = optics(aperture, mask=True)["pupil"]
    table = unpacked(pupil["behind"], TABLE, TABLE) / 65280  # type: ignore[index]
    truth = aperture.transmission(-1).numpy().reshape(TABLE, 8, TABLE, 8).mean(axis=(1, 3))
    assert np.abs(table - truth / truth.max()).max() < 0.01
    assert "front" not in pupil  # type: ignore[operator]


def test_spherical_aberration_has_a_table_for_each_side() -> None:
    pupil = optics(Aperture(spherical=0.8))["pupil"]
    behind, front = (unpacked(pupil[side], TABLE, TABLE).astype(float) for side in ("behind", "front"))  # type: ignore[index]
    middle = slice(28, 36)
    assert behind[middle, middle].mean() < front[middle, middle].mean()  # bright rims behind, bright middles in front


def test_a_disc_needs_no_table_and_an_unknown_mask_is_said() -> None:
    assert optics(Aperture(cat_eye=0.5, focus_shift=(-0.1, 0.0, 0.1)))["pupil"] is None
    assert optics(Aperture(raster=heart_pupil()))["note"] == UNKNOWN_MASK
    assert optics(Aperture(raster=heart_pupil()), mask=True)["note"] == ""
