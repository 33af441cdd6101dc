"""Aperture parameters are labeled, read back and drawn by their names."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch

from pipelines.render.sample.aperture_labels import aperture_of, aperture_record
from pipelines.render.sample.lens_recipes import LensRecipe
from shards.record import ApertureRecord
from simulator import Aperture, PupilRaster

EVERYTHING = Aperture(
    blades=7,
    roundness=0.25,
    rotation_deg=12.5,
    obstruction=0.125,
    spherical=-0.5,
    squeeze=1.5,
    cat_eye=0.75,
    barn_doors=0.5,
    astigmatism=-0.25,
    focus_shift=(-0.25, 0.0, 0.5),
    magnification=(1.001, 1.0, 0.999),
)


def test_every_parameter_of_the_aperture_has_a_label() -> None:
    """Fails for a new field of Aperture until ApertureRecord has the field, too (or a reason to leave it out)."""
    parameters = {field.name for field in fields(Aperture)} - {"raster", "psf", "field"}
    labels = {field.name for field in fields(ApertureRecord)} - {"shape", "raster_sha256", "psf_sha256"}
    assert parameters == labels


def test_defaults_of_labels_are_those_of_the_aperture() -> None:
    assert aperture_record(Aperture()) == ApertureRecord()


def test_labels_give_the_aperture_back() -> None:
    for field in fields(Aperture):
        if field.name not in ("raster", "psf", "field"):
            assert getattr(EVERYTHING, field.name) != getattr(Aperture(), field.name), f"{field.name} is not tested"
    record = aperture_record(EVERYTHING)
    assert record.shape == "blades"
    assert aperture_of(record) == EVERYTHING


def test_a_raster_is_known_by_its_hash_alone() -> None:
    raster = PupilRaster(torch.ones(8, 8, dtype=torch.float64))
    record = aperture_record(Aperture(raster=raster))
    assert (record.shape, record.raster_sha256) == ("raster", raster.sha256)
    assert aperture_of(record) is None


@pytest.mark.parametrize("name", ["swirl", "blades", "raster", "focus_shift"])
def test_a_recipe_names_only_numbers_of_the_aperture(name: str) -> None:
    with pytest.raises(ValueError, match=rf"recipe odd: aperture must name some of .*'cat_eye'.*got \['{name}'\]"):
        LensRecipe("odd", aperture={name: (0.0, 1.0)})
