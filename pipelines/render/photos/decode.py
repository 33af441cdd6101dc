"""Untrusted image bytes to sRGB pixels, or a Rejection that says why not.

The order matters: size before pixels (a 49 kB PNG can hold 20,000 x 20,000), color profile before the pixels are mixed,
and mixing (downscaling) in linear light, band by band, before the picture is turned: only Pillow's copy is ever whole.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from pipelines.errors import Rejection, one_line, rejecting
from pipelines.pictures.resizing import resized, size_within
from pipelines.pictures.srgb8 import linear_of_code
from pipelines.render.photos.exif import UNKNOWN_CAMERA, CameraTags, camera_tags
from pipelines.render.photos.first_bytes import GRAY_16_BIT, not_a_photo
from pipelines.render.photos.header import (
    FORMATS,
    MAX_PIXELS,
    SWAPS_SIDES,
    open_header,
    orientation_of,
    turned_upright,
)
from simulator.optics.color import linear_to_srgb

MIN_SHORT_SIDE_PX = 64  # below, an icon
MIN_SCALED_SHORT_SIDE_PX = 32  # below, a strip with no room for blur
_BAND_PIXELS = 1 << 22  # that are float32 at once
OPAQUE_ALPHA = 250  # of 255: what lossy encoders leave of 255

_PROFILE_TO_RGB = ("RGB", "CMYK", "L", "LAB")


@dataclass(frozen=True)
class DecodedPhoto:
    """Pixels of a photo, its original size, oddities and camera tags."""

    srgb: NDArray[np.uint8]  # [H, W, 3]
    original_width: int  # px, after orientation
    original_height: int
    flags: tuple[str, ...]
    orientation: int  # of EXIF, 1 to 8; 1: stored upright
    camera: CameraTags = UNKNOWN_CAMERA


def decode_photo(content: bytes, *, long_side: int) -> DecodedPhoto:
    """JPEG, PNG, WebP or TIFF bytes to upright sRGB pixels, at most `long_side` long, never enlarged.

    Raises Rejection with stage "photo" and one of the codes `unreadable`, `truncated`, `too_large`,
    `animated`, `transparent`, `cmyk`, `gray16`, `color_mode`, `too_small`, `too_narrow`, and of `not_a_photo`.
    """
    if long_side < 1:
        raise ValueError(f"long_side must be >= 1 pixel, got {long_side}")
    rgb, flags, orientation, camera = _srgb(content)
    scaled = np.ascontiguousarray(turned_upright(_shrunk(rgb, long_side), orientation))
    width, height = rgb.size[::-1] if orientation in SWAPS_SIDES else rgb.size
    if min(scaled.shape[:2]) < MIN_SCALED_SHORT_SIDE_PX:
        raise Rejection(
            "photo",
            "too_narrow",
            f"the short side must be >= {MIN_SCALED_SHORT_SIDE_PX} px once the long side is {long_side}, "
            f"{width}x{height} gives {min(scaled.shape[:2])}",
        )
    return DecodedPhoto(scaled, width, height, tuple(flags), orientation, camera)


def open_image(content: bytes, formats: tuple[str, ...], *, stage: str) -> Image.Image:
    """Open and fully decode untrusted bytes; sizes are checked before any pixel is.

    Raises Rejection (`unreadable`, `truncated`, `too_large`).
    """
    with _decoding(content, formats, stage):
        image = open_header(content, formats)
        image.load()  # verify() passes truncated JPEGs
        return image


@contextmanager
def _decoding(content: bytes, formats: tuple[str, ...], stage: str) -> Iterator[None]:
    """`rejecting` for images: decoders of hostile input raise nearly anything."""
    with rejecting(stage):
        try:
            yield
        except Image.DecompressionBombError as error:
            limit = f"at most {MAX_PIXELS // 1_000_000} megapixels"
            raise Rejection(stage, "too_large", f"an image must have {limit}, this one has more ({error})") from error
        except (Rejection, MemoryError):
            raise
        except Exception as error:
            raise _undecodable(content, formats, error, stage) from error


def _undecodable(content: bytes, formats: tuple[str, ...], error: Exception, stage: str) -> Rejection:
    # Pillow's WebP decoder does not say "truncated"; the RIFF header holds the length that should be there.
    short_webp = content[:4] == b"RIFF" and int.from_bytes(content[4:8], "little") + 8 > len(content)
    reason = one_line(error)
    if short_webp or "truncated" in reason.lower():
        return Rejection(stage, "truncated", f"the image ends early, {len(content)} bytes ({reason})")
    if isinstance(error, UnidentifiedImageError):
        if stage == "photo" and (rejection := not_a_photo(content)):
            return rejection
        reason = "no such image recognized"
    return Rejection(stage, "unreadable", f"must be one of {', '.join(formats)} and whole: {reason}")


def _srgb(content: bytes) -> tuple[Image.Image, list[str], int, CameraTags]:
    """The stored picture in sRGB, oddities, its EXIF orientation and camera tags."""
    flags: list[str] = []
    with _decoding(content, FORMATS, "photo"):  # counting frames and converting read hostile bytes as well
        image = open_image(content, FORMATS, stage="photo")
        _check_kind(image)
        orientation, camera = orientation_of(image, flags), camera_tags(image)
        return _to_srgb(image, flags), flags, orientation, camera


def _check_kind(image: Image.Image) -> None:
    """Reject animations, depth maps, scans, icons and pictures with transparency."""
    # An MPO is a JPEG with more pictures behind the first (stereo, gain map): the first is the photo. So it is in HEIC.
    if image.format not in ("MPO", "HEIF") and getattr(image, "is_animated", False):
        frames = getattr(image, "n_frames", 2)
        raise Rejection("photo", "animated", f"must be one picture, has {frames} frames or pages")
    if image.mode in GRAY_16_BIT:
        raise Rejection("photo", "gray16", f"must be an 8-bit photo, mode {image.mode} is depth or a scan")
    if min(image.size) < MIN_SHORT_SIDE_PX:
        raise Rejection(
            "photo",
            "too_small",
            f"the short side must be >= {MIN_SHORT_SIDE_PX} px, got {image.width}x{image.height}",
        )
    if image.has_transparency_data:
        lowest = int(np.asarray(image.convert("RGBA").getchannel("A")).min())
        if lowest < OPAQUE_ALPHA:
            raise Rejection("photo", "transparent", f"must be opaque, alpha goes down to {lowest} of 255")


def _to_srgb(image: Image.Image, flags: list[str]) -> Image.Image:
    """RGB or gray."""
    profile = image.info.get("icc_profile")
    if image.mode not in _PROFILE_TO_RGB:  # palettes, alpha, bilevel, YCbCr: their profile is one for RGB
        try:
            image = image.convert("RGB")
        except ValueError as error:
            raise Rejection("photo", "color_mode", f"mode {image.mode} cannot be turned into RGB") from error
    if profile:
        try:
            return _apply_profile(image, profile)
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError) as error:
            if image.mode not in ("CMYK", "LAB"):
                flags.append("icc_corrupt")
                return image
            raise Rejection("photo", "cmyk", f"{image.mode} with a broken color profile") from error
    if image.mode in ("CMYK", "LAB"):
        missing = "without a color profile: its colors are unknown; convert it to sRGB"
        raise Rejection("photo", "cmyk", f"{image.mode} {missing}")
    return image


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    in_place = image.mode == "RGB"
    converted = ImageCms.profileToProfile(
        image,
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        inPlace=in_place,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return image if in_place or converted is None else converted  # None: in place


def _shrunk(image: Image.Image, long_side: int) -> NDArray[np.uint8]:
    """Area average in linear light, as a lens and a coarser sensor would give it. RGB or gray [h, w] -> [H, W, 3].

    Each band is averaged across; the narrow picture, then, down. An area average has the same bits in two steps.
    """
    height, width = size_within(image.height, image.width, long_side)
    if (height, width) == (image.height, image.width):
        return np.array(image.convert("RGB"))
    rows = max(1, _BAND_PIXELS // image.width)
    narrow = np.empty((image.height, width, 3), np.float32)
    for top in range(0, image.height, rows):
        band = np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))).convert("RGB"))
        narrow[top : top + rows] = resized(cv2.LUT(band, linear_of_code()), band.shape[0], width)
    display = linear_to_srgb(torch.from_numpy(resized(narrow, height, width))).clamp(0, 1)
    return (display * 255).round().to(torch.uint8).numpy()
