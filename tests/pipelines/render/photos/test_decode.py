"""Hostile files each meet their code; honest ones come out upright, in sRGB, and with their light kept."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.errors import Rejection
from pipelines.render.photos.decode import decode_photo
from simulator.optics.color import srgb_to_linear
from tests.pipelines.render.photos import hostile_photos as hostile

JPEG = hostile.encoded(hostile.noise(), "JPEG", quality=90)
PNG = hostile.encoded(hostile.noise())
WEBP = hostile.encoded(hostile.noise(), "WEBP")
TIFF = hostile.encoded(hostile.noise(), "TIFF")

REJECTED = {
    "empty file": (b"", "empty"),
    "zeros": (bytes(5000), "empty"),
    "text": (b"not an image\n" * 50, "unreadable"),
    "gif": (hostile.encoded(hostile.noise(), "GIF"), "format"),
    "bmp": (hostile.encoded(hostile.noise(), "BMP"), "format"),
    "web page": (b"\n<!DOCTYPE html><html>403</html>", "web_page"),
    "lfs pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "lfs_pointer"),
    "header only": (JPEG[:20], "unreadable"),
    "jpeg cut in half": (JPEG[: len(JPEG) // 2], "truncated"),
    "jpeg without its last hundred bytes": (JPEG[:-100], "truncated"),
    "png cut in half": (PNG[: len(PNG) // 2], "truncated"),
    "webp cut in half": (WEBP[: len(WEBP) // 2], "truncated"),
    "tiff cut in half": (TIFF[: len(TIFF) // 2], "truncated"),
    "png of 400 megapixels": (hostile.bomb_png(20_000), "too_large"),
    "png of 144 megapixels": (hostile.bomb_png(12_000), "too_large"),
    "profile that inflates": (hostile.png_with_bombed_profile(), "unreadable"),
    "animated png": (hostile.animated("PNG"), "animated"),
    "animated webp": (hostile.animated("WEBP"), "animated"),
    "tiff with pages": (hostile.animated("TIFF"), "animated"),
    "transparent png": (hostile.transparent("PNG"), "transparent"),
    "transparent webp": (hostile.transparent("WEBP"), "transparent"),
    "transparent palette": (hostile.transparent_palette(), "transparent"),
    "cmyk without profile": (hostile.cmyk(), "cmyk"),
    "cmyk with a broken profile": (hostile.cmyk(b"broken" * 40), "cmyk"),
    "16-bit gray png": (hostile.gray16("PNG"), "gray16"),
    "16-bit gray tiff": (hostile.gray16("TIFF"), "gray16"),
    "float tiff": (hostile.encoded(np.ones((96, 128), np.float32), "TIFF"), "gray16"),
    "icon": (hostile.encoded(hostile.noise(63, 200)), "too_small"),
    "strip": (hostile.encoded(hostile.noise(80, 2400)), "too_narrow"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_hostile_file_is_rejected_with_its_code(name: str) -> None:
    content, code = REJECTED[name]
    with pytest.raises(Rejection) as caught:
        decode_photo(content, long_side=768)
    assert (caught.value.stage, caught.value.code) == ("photo", code)
    assert caught.value.message
    assert "\n" not in caught.value.message


def test_a_bomb_is_rejected_before_its_pixels_are_made() -> None:
    content = hostile.bomb_png(20_000)
    start = time.perf_counter()
    with pytest.raises(Rejection):
        decode_photo(content, long_side=768)
    assert time.perf_counter() - start < 0.5  # inflating 1.2 GB takes seconds


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_no_damage_raises_anything_but_a_rejection() -> None:
    """Random bytes overwritten in every format: a worker must outlive each."""
    random = np.random.default_rng(0)
    outcomes = set()
    for content in (JPEG, PNG, WEBP, TIFF, hostile.cmyk(hostile.cmyk_profile())):
        for _ in range(30):
            damaged = bytearray(content)
            for at in random.integers(0, min(len(damaged), 600), 6):
                damaged[at] = random.integers(0, 256)
            try:
                decode_photo(bytes(damaged), long_side=64)
                outcomes.add("decoded")
            except Rejection as rejection:
                outcomes.add(rejection.code)
    assert {"decoded", "unreadable"} <= outcomes


@pytest.mark.parametrize("format_name", ["PNG", "TIFF"])
def test_lossless_files_come_out_bit_for_bit(format_name: str) -> None:
    pixels = hostile.noise()
    photo = decode_photo(hostile.encoded(pixels, format_name), long_side=768)
    np.testing.assert_array_equal(photo.srgb, pixels)
    assert photo.srgb.flags.writeable
    assert (photo.original_width, photo.original_height, photo.flags) == (128, 96, ())


@pytest.mark.parametrize(
    "content",
    [
        hostile.saved(Image.fromarray(hostile.noise()), "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))]),
        hostile.encoded(np.dstack([hostile.noise(), np.full((96, 128), 255, np.uint8)]), "PNG"),
        hostile.encoded(hostile.noise()[..., 0], "JPEG"),
        hostile.saved(Image.fromarray(hostile.noise()).quantize(64), "PNG"),
        hostile.rgb16_png(),
    ],
    ids=["MPO (first picture)", "opaque alpha", "8-bit gray", "palette", "16-bit color"],
)
def test_unusual_but_honest_photos_are_accepted(content: bytes) -> None:
    photo = decode_photo(content, long_side=768)
    assert photo.srgb.shape == (96, 128, 3)
    assert photo.flags == ()
    assert photo.srgb.std() > 20


UPRIGHT = {  # EXIF 2.32, tag 274: where row 0 and column 0 of the stored picture belong
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(orientation: int) -> None:
    stored = hostile.noise(70, 90)
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = decode_photo(hostile.encoded(stored, "PNG", exif=exif), long_side=768)
    expected = UPRIGHT[orientation](stored)
    np.testing.assert_array_equal(photo.srgb, expected)
    assert (photo.original_height, photo.original_width) == expected.shape[:2]


def test_broken_exif_is_survived_and_flagged() -> None:
    photo = decode_photo(hostile.encoded(hostile.noise(), "PNG", exif=b"Exif\0\0neither MM nor II"), long_side=768)
    assert photo.srgb.shape == (96, 128, 3)
    assert photo.flags == ("exif_corrupt",)


def test_an_icc_profile_is_applied() -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 200
    photo = decode_photo(hostile.encoded(red, icc_profile=hostile.swapped_profile()), long_side=768)
    # Under the profile red pixels mean green light of the same brightness. 2 codes: rounding inside lcms.
    np.testing.assert_allclose(photo.srgb[0, 0].astype(int), [0, 200, 0], atol=2)
    assert photo.flags == ()


def test_a_turned_photo_keeps_its_profile() -> None:
    red = np.zeros((64, 80, 3), np.uint8)
    red[..., 0] = 200
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = decode_photo(hostile.encoded(red, exif=exif, icc_profile=hostile.swapped_profile()), long_side=768)
    assert photo.srgb.shape == (80, 64, 3)
    np.testing.assert_allclose(photo.srgb[0, 0].astype(int), [0, 200, 0], atol=2)


def test_an_srgb_profile_changes_nothing() -> None:
    profile = hostile.ImageCms.ImageCmsProfile(hostile.ImageCms.createProfile("sRGB")).tobytes()
    pixels = hostile.noise()
    photo = decode_photo(hostile.encoded(pixels, icc_profile=profile), long_side=768)
    np.testing.assert_allclose(photo.srgb.astype(int), pixels.astype(int), atol=1)


def test_a_corrupt_icc_profile_is_survived_and_flagged() -> None:
    pixels = hostile.noise()
    photo = decode_photo(hostile.encoded(pixels, icc_profile=b"broken" * 40), long_side=768)
    np.testing.assert_array_equal(photo.srgb, pixels)
    assert photo.flags == ("icc_corrupt",)


def test_a_profile_for_other_channels_is_survived_and_flagged() -> None:
    photo = decode_photo(hostile.encoded(hostile.noise(), icc_profile=hostile.cmyk_profile()), long_side=768)
    assert photo.flags == ("icc_corrupt",)


def test_cmyk_with_a_profile_is_converted() -> None:
    photo = decode_photo(hostile.cmyk(hostile.cmyk_profile()), long_side=768)
    assert photo.srgb[40, 10].min() >= 250  # paper
    assert photo.srgb[40, 118].max() <= 5  # ink


def test_a_photo_is_shrunk_to_the_long_side_and_never_enlarged() -> None:
    wide = hostile.encoded(hostile.noise(100, 150))
    assert decode_photo(wide, long_side=75).srgb.shape == (50, 75, 3)
    assert decode_photo(wide, long_side=150).srgb.shape == (100, 150, 3)
    assert decode_photo(wide, long_side=768).srgb.shape == (100, 150, 3)
    tall = decode_photo(hostile.encoded(hostile.noise(151, 100)), long_side=64)
    assert tall.srgb.shape == (64, 42, 3)  # 100 * 64 / 151 = 42.4
    assert (tall.original_width, tall.original_height) == (100, 151)


def test_shrinking_averages_light_and_not_display_values() -> None:
    board = np.indices((128, 128)).sum(axis=0) % 2 * 255
    pixels = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    photo = decode_photo(hostile.encoded(pixels), long_side=64)
    # Half the light is sRGB 187.5 of 255 (IEC 61966-2-1); averaging display values would give 128.
    assert photo.srgb.min() >= 187
    assert photo.srgb.max() <= 188


def test_shrinking_keeps_the_mean_of_linear_light() -> None:
    pixels = hostile.noise(211, 307)
    pixels[:100] //= 6
    small = decode_photo(hostile.encoded(pixels), long_side=101).srgb

    def linear_mean(srgb: np.ndarray) -> torch.Tensor:
        return srgb_to_linear(torch.from_numpy(srgb.astype(np.float64)) / 255).mean(dim=(0, 1))

    # Rounding to 8 bits moves single pixels by at most 0.5 % of the range and averages out over 7,000.
    torch.testing.assert_close(linear_mean(small), linear_mean(pixels), atol=5e-4, rtol=0)


def test_a_long_side_below_one_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="long_side must be >= 1"):
        decode_photo(PNG, long_side=0)
