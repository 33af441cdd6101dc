"""The stored path-traced truth: whole, undamaged, and what it claims to be. Needs no Mitsuba."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import maximum_filter

from pipelines.measure.rendering_error import displayed, psnr, ssim, without_border
from pipelines.validate.references import STORED, STORED_CAMERA, STORED_FOLDER, Reference, load, save, store
from simulator.optics.lens import ThinLens

FOLDER = STORED_FOLDER / "photo"

# printed by `python -m pipelines.validate.references pipelines/validate/stored/photo`
SHA256 = {
    "cutouts": "eccd05725f1eac16fc3119b139a4a0da5f78ca6339d9c4acd35d4879e09700e3",
    "ground": "b09a639750403acd1015f3e3b524fa843199a200b2095c001c0c0e59087c102f",
    "portrait": "1d5daf1a1e88f6b72e45c7c52056b8c8702764636873c74f87639f73d7ceeed5",
    "branches": "a38db7da9c6a88bdce23736cdf87b8ce29934d14a8fe751accaeea6868ad0f63",
}


def made(**changes: object) -> Reference:
    rng = np.random.default_rng(0)
    fields: dict[str, object] = {
        "name": "made",
        "seed": 3,
        "aif": rng.random((3, 8, 12)).astype(np.float32) * 20,
        "disparity": rng.random((8, 12)).astype(np.float32),
        "frames": rng.random((2, 3, 8, 12)).astype(np.float32),
        "lenses": (ThinLens(0.25, 10.0), ThinLens(0.5, 20.0)),
        "noise_psnr": (60.0, 61.0),
    }
    return Reference(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", STORED)
def test_stored_reference_is_the_declared_one(name: str) -> None:
    reference = load(FOLDER / f"{name}.npz")
    assert reference.sha256() == SHA256[name]
    assert reference.disparity.shape == (STORED_CAMERA.height, STORED_CAMERA.width)
    assert len(reference.lenses) == len(STORED[name])
    assert min(reference.noise_psnr) > 54  # 6 dB above the best that a renderer is said to reach


def test_stored_references_stay_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.npz")) < 1_500_000
    assert {path.stem for path in FOLDER.glob("*.npz")} == set(STORED)


def test_what_is_in_focus_is_the_all_in_focus_picture() -> None:
    """Where nothing within a radius is out of focus, lens and pinhole see the same."""
    reference = load(FOLDER / "cutouts.npz")
    disparity = torch.from_numpy(reference.disparity)
    compared = 0
    for lens, frame, radius_px in zip(reference.lenses, reference.frames, reference.max_radius_px, strict=True):
        around = maximum_filter(lens.defocus_px(disparity).abs().numpy(), size=2 * int(np.ceil(radius_px)) + 3)
        sharp = around < 0.1  # [H, W]
        if sharp.sum() > 200:
            error = psnr(torch.from_numpy(frame[:, sharp]), torch.from_numpy(reference.aif[:, sharp]))
            assert error > 48  # the noise of both pictures, where the texture is sharpest
            compared += 1
    assert compared > 0


def test_light_encoding_is_finer_than_any_comparison(tmp_path: Path) -> None:
    reference = made()
    store(reference, tmp_path / "small.npz")
    back = load(tmp_path / "small.npz")
    assert psnr(torch.from_numpy(back.frames), torch.from_numpy(reference.frames)) > 75
    assert back.aif == pytest.approx(reference.aif, rel=1e-3, abs=1e-6)  # also of lamps above 1
    assert np.array_equal(back.disparity, reference.disparity)


def test_saved_reference_comes_back_whole(tmp_path: Path) -> None:
    reference = made()
    save(reference, tmp_path / "deep" / "made.npz")
    back = load(tmp_path / "deep" / "made.npz")
    assert back.sha256() == reference.sha256()
    assert (back.name, back.seed, back.lenses, back.noise_psnr) == ("made", 3, reference.lenses, (60.0, 61.0))
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["made.npz"]


def test_hash_sees_every_part() -> None:
    hashes = {
        made().sha256(),
        made(seed=4).sha256(),
        made(aif=made().aif + 1).sha256(),
        made(disparity=made().disparity + 1).sha256(),
        made(frames=made().frames + 1).sha256(),
        made(lenses=(ThinLens(0.25, 10.0), ThinLens(0.5, 21.0))).sha256(),
    }
    assert len(hashes) == 6


def test_max_radius_is_that_of_the_farthest_from_the_plane() -> None:
    disparity = np.linspace(0.1, 0.5, 96, dtype=np.float32).reshape(8, 12)
    assert made(disparity=disparity).max_radius_px == pytest.approx((10 * 0.25, 20 * 0.4))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"aif": np.zeros((3, 8, 11), np.float32)}, r"aif must have shape \(3, 8, 12\), got \(3, 8, 11\)"),
        ({"frames": np.zeros((1, 3, 8, 12), np.float32)}, "frames must have shape"),
        ({"noise_psnr": (60.0,)}, r"one entry a lens \(2\), got 1"),
        ({"disparity": np.full((8, 12), np.nan, np.float32)}, "disparity must be float32, finite"),
        ({"aif": np.full((3, 8, 12), -1, np.float32)}, "aif must be float32, finite and >= 0"),
    ],
)
def test_record_says_what_is_wrong(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**changes)


def test_a_file_that_is_no_reference_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", aif=np.zeros(3))
    with pytest.raises(ValueError, match=r"other\.npz must be a reference made by .*lacks \['blur_scale_px'"):
        load(tmp_path / "other.npz")


def test_psnr_of_a_known_error_and_clipping() -> None:
    gray, brighter = torch.full((3, 8, 8), 0.002), torch.full((3, 8, 8), 0.003)  # on the linear foot: 12.92 E
    assert psnr(gray, brighter) == pytest.approx(-20 * np.log10(12.92 * 0.001), abs=1e-3)
    assert psnr(torch.full((3, 8, 8), 5.0), torch.full((3, 8, 8), 1.0)) == float("inf")
    assert displayed(torch.tensor([-1.0, 9.0])).tolist() == pytest.approx([0, 1])


def test_ssim_of_equal_and_unequal_pictures() -> None:
    picture = torch.from_numpy(made().frames[0])
    large = torch.nn.functional.interpolate(picture[None], size=(32, 32))[0]
    assert ssim(large, large) == pytest.approx(1.0)
    assert ssim(large, large.flip(-1)) < 0.5


def test_interior_leaves_out_the_border() -> None:
    picture = torch.arange(48.0).reshape(6, 8)
    assert without_border(picture, 1.2).shape == (2, 4)
    assert without_border(picture, 0.0).shape == (6, 8)
    assert without_border(picture, 2)[0, 0] == picture[2, 2]
    with pytest.raises(ValueError, match="must leave something of 6x8 pixels, got 3"):
        without_border(picture, 3)
