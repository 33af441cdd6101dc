"""Image files that break naive readers, built byte by byte, and color profiles with known answers."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms


def noise(height: int = 96, width: int = 128, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(pixels: NDArray[Any], format_name: str = "PNG", **options: Any) -> bytes:
    """`pixels` [h, w] or [h, w, 3 or 4] as a file."""
    return saved(Image.fromarray(pixels), format_name, **options)


def saved(image: Image.Image, format_name: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format_name, **options)
    return stream.getvalue()


def animated(format_name: str) -> bytes:
    frames = [Image.fromarray(noise(seed=i)) for i in range(3)]
    return saved(frames[0], format_name, save_all=True, append_images=frames[1:])


def transparent(format_name: str) -> bytes:
    rgba = np.dstack([noise(), np.full((96, 128), 255, np.uint8)])
    rgba[:8, :8, 3] = 100
    return encoded(rgba, format_name)


def transparent_palette() -> bytes:
    return saved(Image.fromarray(noise()).quantize(16), "PNG", transparency=3)


def cmyk(profile: bytes | None = None) -> bytes:
    """A quarter each of paper white, black ink, and the same again; JPEG."""
    inks = np.zeros((96, 128, 4), np.uint8)
    inks[:, 64:, 3] = 255
    options = {"icc_profile": profile} if profile else {}
    return saved(Image.fromarray(inks, "CMYK"), "JPEG", quality=95, **options)


def gray16(format_name: str) -> bytes:
    ramp = np.linspace(0, 65535, 96 * 128).reshape(96, 128).astype(np.uint16)
    return encoded(ramp, format_name)


def rgb16_png() -> bytes:
    """A 16-bit color PNG, as raw developers write it: a photo like any other."""
    ok, content = cv2.imencode(".png", noise().astype(np.uint16) * 257)
    assert ok
    return content.tobytes()


def bomb_png(side: int = 20_000) -> bytes:
    """A PNG of `side` squared black pixels: 50 kB that want 1.2 GB."""
    row = bytes(1 + 3 * side)
    deflate = zlib.compressobj(9)
    packed = b"".join(deflate.compress(row) for _ in range(8)) + deflate.flush()  # the header is what counts
    return _png(struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0), packed)


def png_with_bombed_profile() -> bytes:
    """A small PNG whose color profile inflates to 64 MB."""
    whole = encoded(noise())
    packed = b"bomb\x00\x00" + zlib.compress(bytes(64 << 20))
    return whole[:33] + _chunk(b"iCCP", packed) + whole[33:]  # after signature and IHDR


def swapped_profile() -> bytes:
    """sRGB with the red and green primaries exchanged: red pixels mean green light."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tmp_").replace(b"gXYZ", b"rXYZ").replace(b"tmp_", b"gXYZ")


def cmyk_profile() -> bytes:
    """The least that makes a CMYK profile: lightness falls with every ink, no color. ICC.1:2001-04, 6.5.8."""
    corners = np.indices((2, 2, 2, 2)).reshape(4, -1).T  # [16, (C, M, Y, K)]
    lightness = 255 * (1 - corners[:, 3]) * (1 - corners[:, :3].mean(axis=1))
    lab = np.stack([lightness, np.full(16, 128), np.full(16, 128)], axis=1).astype(np.uint8)
    identity = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + identity * 4 + lab.tobytes() + identity * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    return _icc_profile(b"CMYK", {b"A2B0": lut, b"wtpt": white})


def _icc_profile(color_space: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = bytearray(128)
    header[0:4] = struct.pack(">I", start + len(data))
    header[8:12] = b"\x02\x10\x00\x00"
    header[12:24] = b"prtr" + color_space + b"Lab "
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    return bytes(header) + table + data


def _png(header: bytes, packed: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
