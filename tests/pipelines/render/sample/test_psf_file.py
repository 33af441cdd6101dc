"""Tables of point-spread functions as files: what a data set says of them, and one line for what is none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import UserError
from pipelines.render.config import LensConfig
from pipelines.render.sample.build import build_sample
from pipelines.render.sample.psf_file import read_psf_table
from tests.pipelines.render.sample.test_build import rgbd
from tests.pipelines.render.sample.test_lens_sampling import settings_of

ARRAYS = {"psf": np.ones((2, 2, 3, 9, 9)), "radius_px": np.array([4.0, 8.0]), "field": np.array([0.0, 1.0])}


def saved(folder: Path, **changed: object) -> Path:
    path = folder / "triplet.npz"
    np.savez(path, **{key: value for key, value in (ARRAYS | changed).items() if value is not None})  # type: ignore[arg-type]
    return path


def test_a_sample_says_which_lens_and_which_file(tmp_path: Path) -> None:
    path = saved(tmp_path)
    record = build_sample("00000003", "val", rgbd(), settings_of(LensConfig(psf=path))).record
    assert (record.aperture.shape, record.lens.kind) == ("psf", "triplet")
    assert record.aperture.psf_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(UserError, match="--psf must stand without --aperture-mask"):
        LensConfig(psf=path, aperture_mask=path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"psf": None}, "it must hold psf, radius_px, field, got no psf"),
        ({"field": None, "radius_px": None}, "got no radius_px and no field"),
        ({"psf": -ARRAYS["psf"]}, "psf must not be negative, got -1"),
        ({"psf": ARRAYS["psf"] * np.nan}, "psf must hold finite numbers"),
        ({"psf": ARRAYS["psf"][0]}, r"psf must be \[radius, field, color, n, n\]"),
        ({"psf": ARRAYS["psf"].astype(complex)}, "psf must hold real numbers, got complex128"),
        ({"psf": np.array([{}], dtype=object)}, "Object arrays cannot be loaded"),
        ({"radius_px": np.array([8.0, 4.0])}, r"radius_px must be one row of rising numbers, got \[8, 4\]"),
        ({"cell_px": np.ones(2)}, r"cell_px must be a single value, got \[2\]"),
    ],
)
def test_what_is_no_table_is_one_line(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        read_psf_table(saved(tmp_path, **changed))
    assert str(error.value).startswith(f"--psf {tmp_path / 'triplet.npz'} cannot be used: ")
    assert "\n" not in str(error.value)
    assert "see docs/lenses.md" in str(error.value)


def test_bytes_that_are_no_archive_are_refused(tmp_path: Path) -> None:
    for content in (b"", b"PK\x03\x04 nothing", saved(tmp_path).read_bytes()[:200]):
        (tmp_path / "cut.npz").write_bytes(content)
        with pytest.raises(UserError, match=r"cut.npz cannot be used: it must be an .npz file"):
            read_psf_table.__wrapped__(tmp_path / "cut.npz")
