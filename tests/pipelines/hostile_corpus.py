"""Hostile inputs, one a line: family, name, content, and the code or the sentence that it must end in.

Written byte by byte where a header has to lie. `tests/pipelines/test_hostile_corpus.py` sends all of them through the
command line.
"""

from __future__ import annotations

import os
import socket
import struct
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from tests.pipelines.render.depth.test_depth_forms import BAD_FORMS
from tests.pipelines.render.depth.test_embedded_depth import BROKEN
from tests.pipelines.render.depth.test_exr import exr, with_window
from tests.pipelines.render.depth.test_sidecar import BAD_FILES, npy, png16
from tests.pipelines.render.photos import hostile_photos as hostile
from tests.pipelines.render.photos.photo_examples import slope
from tests.pipelines.render.photos.test_decode import REJECTED

JPEG = hostile.encoded(hostile.noise(seed=1), "JPEG", quality=90)
PROGRESSIVE = hostile.encoded(hostile.noise(seed=2), "JPEG", progressive=True)
PNG = hostile.encoded(hostile.noise(seed=3))
PALETTE = hostile.saved(Image.fromarray(hostile.noise(seed=4)).quantize(16), "PNG")
WEBP = hostile.encoded(hostile.noise(seed=5), "WEBP")
LOSSLESS = hostile.encoded(hostile.noise(seed=6), "WEBP", lossless=True)
TIFF = hostile.encoded(hostile.noise(seed=7), "TIFF")
LZW = hostile.encoded(hostile.noise(seed=8), "TIFF", compression="tiff_lzw")


def chunk(name: bytes, content: bytes, crc: int | None = None) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc or zlib.crc32(name + content))


def png(
    width: int = 128, height: int = 96, depth: int = 8, kind: int = 2, *, middle: bytes = b"", data: bytes = b""
) -> bytes:
    """A PNG with this header, other chunks, and image data."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    data = data or zlib.compress(bytes(height * (1 + 3 * width)) if width * height < 10**6 else b"")
    return b"\x89PNG\r\n\x1a\n" + header + middle + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def jpeg_size(width: int, height: int) -> bytes:
    """A JPEG whose header has other sides."""
    at = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:at] + struct.pack(">HH", height, width) + JPEG[at + 4 :]


def segment(content: bytes, marker: int = 0xE1, length: int | None = None) -> bytes:
    """A JPEG with one more segment behind its beginning."""
    size = struct.pack(">H", (len(content) + 2 if length is None else length) & 0xFFFF)
    return JPEG[:2] + bytes([0xFF, marker]) + size + content + JPEG[2:]


def tiff(entries: dict[int, tuple[int, int, int]], *, following: int = 0, pixels: bytes = bytes(36_864)) -> bytes:
    """A little-endian TIFF of 128 x 96 px: tag -> (type, count, value); `following` is the offset of the next page."""
    base = {256: (4, 1, 128), 257: (4, 1, 96), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 2), 277: (3, 1, 3)}
    tags = {**base, 273: (4, 1, 400), 278: (4, 1, 96), 279: (4, 1, len(pixels)), **entries}
    body = b"".join(struct.pack("<HHII", tag, *tags[tag]) for tag in sorted(tags))
    file = b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + struct.pack("<I", following)
    return file.ljust(400, b"\0") + pixels


def pages(count: int) -> bytes:
    """A TIFF whose pages all lie at one offset after the other."""
    one = tiff({}, pixels=b"")[:400]
    return b"".join(
        (one[:8] if number == 0 else b"")
        + one[8:122].replace(one[118:122], b"")
        + struct.pack("<I", 8 + 114 * (number + 1) if number + 1 < count else 0)
        for number in range(count)
    )


def exif(block: bytes) -> bytes:
    return segment(b"Exif\0\0" + block)


def header(text: str, data: bytes = bytes(48), version: bytes = b"\1\0", length: int | None = None) -> bytes:
    """A .npy whose header is this text."""
    body = text.encode("latin-1")
    size = struct.pack("<H" if version == b"\1\0" else "<I", len(body) if length is None else length)
    return b"\x93NUMPY" + version + size + body + data


def shape(text: str, descr: str = "'<f4'", data: bytes = bytes(48)) -> bytes:
    return header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {text}, }}\n", data)


def pfm(head: bytes, body: bytes = bytes(4800)) -> bytes:
    return head + body


_BOX = b"\0\0\0\x18ftyp%b\0\0\0\0mif1heic" + bytes(2000)
_BIG = "9" * 500
_EXR: list[tuple[str, str, str, bytes, str]] = []
if find_spec("OpenEXR"):
    _WINDOW = exr({"Z": slope()})
    _EXR = [
        ("exr", "a gigapixel", "disparity.exr", with_window(_WINDOW, 40_000, 30_000), "depth/too_large"),
        (
            "exr",
            "window of 2^31",
            "disparity.exr",
            with_window(_WINDOW, 2**31 - 1, 2**31 - 1),
            "depth/too_large depth/unreadable",
        ),
        ("exr", "window that is none", "disparity.exr", with_window(_WINDOW, -5, -5), "depth/unreadable"),
        ("exr", "99 megapixels of nothing", "disparity.exr", with_window(_WINDOW, 10_999, 8_999), "depth/unreadable"),
        ("exr", "cut", "disparity.exr", _WINDOW[:-1000], "depth/unreadable"),
        (
            "exr",
            "all of 99 channels",
            "disparity.exr",
            with_window(exr({f"c{i}": slope() for i in range(99)}), 1999, 1999),
            "depth/too_large",
        ),
    ]
# fmt: off
PHOTOS: list[tuple[str, str, bytes, str]] = [
    *(("photo", name, content, f"photo/{code}") for name, (content, code) in REJECTED.items()),
    ("first bytes", "jxl codestream", b"\xff\x0a" + bytes(range(200)), "photo/format"),
    ("first bytes", "jxl container", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(200), "photo/format"),
    ("first bytes", "jpeg 2000", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200), "photo/format"),
    ("first bytes", "jpeg 2000 codestream", b"\xff\x4f\xff\x51" + bytes(200), "photo/format"),
    ("first bytes", "photoshop", b"8BPS\0\1" + bytes(200), "photo/format"),
    ("first bytes", "exr", b"\x76\x2f\x31\x01" + bytes(200), "photo/format"),
    ("first bytes", "pdf", b"%PDF-1.7\n" + bytes(200), "photo/format"),
    ("first bytes", "zip", b"PK\x03\x04" + bytes(200), "photo/format"),
    ("first bytes", "gzip", b"\x1f\x8b\x08" + bytes(200), "photo/format"),
    ("first bytes", "npy", npy(slope()), "photo/format"),
    ("first bytes", "hdf5", b"\x89HDF\r\n\x1a\n" + bytes(200), "photo/format"),
    ("first bytes", "raw of fuji", b"FUJIFILMCCD-RAW 0201" + bytes(200), "photo/format"),
    ("first bytes", "resource fork", b"\0\x05\x16\x07\0\x02\0\0Mac OS X" + bytes(200), "photo/format"),
    ("first bytes", "sqlite", b"SQLite format 3\0" + bytes(200), "photo/format"),
    ("first bytes", "matroska", b"\x1aE\xdf\xa3" + bytes(200), "photo/format"),
    ("first bytes", "avif", _BOX % b"avif", "photo/format"),
    ("first bytes", "avif sequence", _BOX % b"avis", "photo/format"),
    ("first bytes", "cr3", _BOX % b"crx ", "photo/format"),
    ("first bytes", "mp4", _BOX % b"isom", "photo/format"),
    ("first bytes", "heic without pictures", _BOX % b"heic", "photo/heic photo/unreadable"),
    ("first bytes", "html", b"<html><head><title>Sign in</title>", "photo/web_page"),
    ("first bytes", "html with a mark", b"\xef\xbb\xbf <!doctype HTML>", "photo/web_page"),
    ("first bytes", "xml", b"<?xml version='1.0'?><Error><Code>AccessDenied", "photo/web_page"),
    ("first bytes", "svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo/web_page"),
    ("first bytes", "json", b'{"error": "not found"}', "photo/unreadable"),
    ("first bytes", "one byte", b"\xff", "photo/unreadable"),
    ("first bytes", "noise", bytes(np.random.default_rng(3).integers(0, 256, 5000, np.uint8)), "photo/unreadable"),
    ("jpeg", "begin only", b"\xff\xd8", "photo/unreadable"),
    ("jpeg", "begin and end", b"\xff\xd8\xff\xd9", "photo/unreadable"),
    ("jpeg", "no sides", jpeg_size(0, 0), "photo/unreadable"),
    ("jpeg", "no height", jpeg_size(128, 0), "photo/unreadable"),
    ("jpeg", "largest sides", jpeg_size(65_535, 65_535), "photo/too_large"),
    ("jpeg", "taller than its data", jpeg_size(128, 4000), "photo/truncated photo/too_narrow"),
    ("jpeg", "progressive cut", PROGRESSIVE[:-500], "photo/truncated"),
    ("jpeg", "segment of no length", segment(b"", length=0), "depth/sidecar_missing photo/unreadable"),
    ("jpeg", "segment beyond the end", JPEG[:2] + b"\xff\xe1\xff\xff" + bytes(50), "photo/unreadable photo/truncated"),
    ("jpeg", "two components", JPEG.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x10", 1), "photo/unreadable"),
    ("jpeg", "no tables", JPEG.replace(b"\xff\xc4", b"\xff\xe5"), "depth/sidecar_missing photo/unreadable photo/truncated"),
    ("jpeg", "no quantization", JPEG.replace(b"\xff\xdb", b"\xff\xe5"), "photo/unreadable photo/truncated"),
    ("jpeg", "lossless coding", JPEG.replace(b"\xff\xc0", b"\xff\xc3", 1), "photo/unreadable photo/truncated"),
    ("jpeg", "only markers", b"\xff\xd8" + b"\xff" * 5000, "photo/unreadable"),
    ("png", "no sides", png(0, 0), "photo/unreadable"),
    ("png", "largest sides", png(2**31 - 1, 2**31 - 1), "photo/too_large"),
    ("png", "one row of 2^31 px", png(2**31 - 1, 1), "photo/too_large"),
    ("png", "3 bits", png(depth=3), "photo/unreadable"),
    ("png", "color type 5", png(kind=5), "photo/unreadable"),
    ("png", "no data", png(data=b"\0"), "photo/unreadable photo/truncated"),
    ("png", "data that is no zlib", png(data=b"no zlib at all" * 9), "photo/unreadable photo/truncated"),
    ("png", "too little data", png(data=zlib.compress(bytes(500))), "photo/truncated photo/unreadable"),
    ("png", "wrong checksum", PNG[:29] + b"\0\0\0\0" + PNG[33:], "photo/unreadable"),
    ("png", "chunk of 2^31 bytes", PNG[:33] + b"\x7f\xff\xff\xffIDAT" + bytes(99), "photo/truncated photo/unreadable"),
    ("png", "text that inflates", png(middle=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80 << 20)))), "photo/unreadable"),
    ("png", "other text that inflates", png(middle=chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(80 << 20)))), "photo/unreadable"),
    ("png", "signature only", PNG[:8], "photo/unreadable"),
    ("png", "cut in a chunk's name", PNG[:38], "photo/truncated photo/unreadable"),
    ("png", "interlaced and cut", PNG[:28] + b"\1" + struct.pack(">I", zlib.crc32(PNG[12:28] + b"\1")) + PNG[33:2000], "photo/truncated photo/unreadable"),
    ("webp", "length that lies", WEBP[:4] + b"\xff\xff\xff\x7f" + WEBP[8:], "photo/truncated"),
    ("webp", "lossless cut", LOSSLESS[:-3000], "photo/truncated"),
    ("webp", "header only", WEBP[:20], "photo/truncated photo/unreadable"),
    ("webp", "no chunk", b"RIFF\4\0\0\0WEBP", "photo/unreadable"),
    ("webp", "sides of 16384", b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0", "photo/unreadable photo/too_large photo/truncated"),
    ("tiff", "no sides", tiff({256: (4, 1, 0), 257: (4, 1, 0)}), "photo/unreadable"),
    ("tiff", "largest sides", tiff({256: (4, 1, 2**32 - 1), 257: (4, 1, 2**32 - 1)}), "photo/too_large photo/unreadable"),
    ("tiff", "strips beyond the end", tiff({273: (4, 1, 2**31)}), "photo/unreadable photo/truncated"),
    ("tiff", "no strips", tiff({273: (4, 0, 0)}), "photo/unreadable photo/truncated"),
    ("tiff", "unknown compression", tiff({259: (3, 1, 65_000)}), "photo/unreadable"),
    ("tiff", "lzw of noise", tiff({259: (3, 1, 5)}, pixels=bytes(range(256)) * 50), "photo/unreadable photo/truncated"),
    ("tiff", "jpeg that is none", tiff({259: (3, 1, 7)}), "photo/unreadable photo/truncated"),
    ("tiff", "strange bits", tiff({258: (3, 1, 77)}), "photo/unreadable"),
    ("tiff", "bits of 2^31 entries", tiff({258: (3, 2**31, 400)}), "photo/unreadable photo/truncated"),
    ("tiff", "samples of 60000", tiff({277: (3, 1, 60_000)}), "photo/unreadable"),
    ("tiff", "page that is its own next", tiff({}, following=8), "depth/sidecar_missing photo/animated photo/unreadable"),
    ("tiff", "next page beyond the end", tiff({}, following=2**31), "depth/sidecar_missing photo/animated photo/unreadable"),
    ("tiff", "5000 pages", pages(5000), "photo/unreadable photo/animated photo/truncated"),
    ("tiff", "header only", b"II*\0\x08\0\0\0", "photo/unreadable photo/truncated"),
    ("tiff", "header that points outside", b"MM\0*\xff\xff\xff\xff", "photo/unreadable photo/truncated"),
    ("tiff", "directory of 65535 tags", b"II*\0\x08\0\0\0\xff\xff" + bytes(999), "photo/unreadable photo/truncated"),
    ("tiff", "big tiff cut", b"II+\0\x08\0\0\0" + bytes(8), "photo/unreadable photo/truncated"),
    ("tiff", "float color", bytes(cv2.imencode(".tif", np.ones((96, 128, 3), np.float32))[1]), "photo/unreadable photo/gray16"),
    ("tiff", "lzw cut", LZW[:9000], "photo/truncated photo/unreadable"),
    *(("depth within a photo", name, content, "depth/unreadable depth/size_mismatch") for name, (content, _) in BROKEN.items()),
]
SURVIVED: list[tuple[str, str, bytes, str]] = [
    ("survived", "no picture data behind the end", JPEG + bytes(5000), ""),
    ("survived", "motion photo", JPEG + b"\0\0\0\x20ftypmp42" + bytes(5000), ""),
    ("survived", "exif of text", exif(b"neither MM nor II"), ""),
    ("survived", "exif directory beyond the end", exif(b"II*\0\xff\xff\xff\x7f"), ""),
    ("survived", "exif directory in a circle", exif(b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x8769, 4, 1, 8) + b"\x08\0\0\0"), ""),
    ("survived", "exif value of 2^32 bytes", exif(b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x10F, 2, 2**32 - 1, 8) + bytes(4)), ""),
    ("survived", "orientation of 99", exif(b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x112, 3, 1, 99) + bytes(4)), ""),
    ("survived", "orientation of text", exif(b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x112, 2, 4, 0x414141) + bytes(4)), ""),
    ("survived", "focal length of 1/0", exif(b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x920A, 5, 1, 26) + bytes(4) + struct.pack("<II", 1, 0)), ""),
    ("survived", "multi-picture index that lies", segment(b"MPF\0II*\0\xff\xff\xff\xff", 0xE2), ""),
    ("survived", "xmp of entities", segment(b"http://ns.adobe.com/xap/1.0/\0<!DOCTYPE a [<!ENTITY b 'cc'>]><a>&b;</a>"), ""),
    ("survived", "palette without its chunk", PALETTE, ""),
]
SIDECARS: list[tuple[str, str, str, bytes, str]] = [
    *(("sidecar", name, f"disparity.{suffix}", content, f"depth/{code} depth/size_mismatch") for name, (suffix, content, code) in BAD_FILES.items()),
    *(("depth form", name, f"disparity.{suffix}", content, f"depth/{code} depth/truncated depth/size_mismatch") for name, (suffix, content, code) in BAD_FORMS.items()),
    ("npy header", "400000 x 400000", "disparity.npy", shape("(400000, 400000)"), "depth/too_large"),
    ("npy header", "more than the file", "disparity.npy", shape("(3000, 4000)"), "depth/truncated"),
    ("npy header", "20 digits", "disparity.npy", shape("(99999999999999999999, 4)"), "depth/too_large"),
    ("npy header", "500 digits", "disparity.npy", shape(f"({_BIG}, 4)"), "depth/too_large"),
    ("npy header", "5000 digits", "disparity.npy", shape(f"({'9' * 5000}, 4)"), "depth/unreadable"),
    ("npy header", "negative side", "disparity.npy", shape("(-3, 4)"), "depth/unreadable"),
    ("npy header", "no side", "disparity.npy", shape("(0, 4)", data=b""), "depth/unreadable"),
    ("npy header", "no shape", "disparity.npy", shape("()"), "depth/unreadable depth/not_single_channel"),
    ("npy header", "one row", "disparity.npy", shape("(12,)"), "depth/not_single_channel"),
    ("npy header", "seven axes", "disparity.npy", shape("(1, 1, 1, 3, 4, 1, 1)"), "depth/not_single_channel"),
    ("npy header", "side of text", "disparity.npy", shape("('3', 4)"), "depth/unreadable"),
    ("npy header", "side of Python 2", "disparity.npy", shape("(3L, 4)"), "depth/unreadable depth/constant depth/holes"),
    ("npy header", "open bracket", "disparity.npy", shape("(3, 4, "), "depth/unreadable"),
    ("npy header", "200 brackets", "disparity.npy", header("(" * 200 + "{"), "depth/unreadable"),
    ("npy header", "3000 brackets", "disparity.npy", header("(" * 3000 + "{"), "depth/unreadable"),
    ("npy header", "9000 minus signs", "disparity.npy", header("-" * 9000 + "1"), "depth/unreadable depth/too_large"),
    ("npy header", "longer than 10000", "disparity.npy", header(" " * 20_000), "depth/unreadable"),
    ("npy header", "length that lies", "disparity.npy", header("{}", length=65_000), "depth/unreadable"),
    ("npy header", "length of 4 GB", "disparity.npy", header("{}", version=b"\2\0", length=2**32 - 1), "depth/unreadable"),
    ("npy header", "version 9", "disparity.npy", header("{}", version=b"\x09\0"), "depth/unreadable"),
    ("npy header", "not a dict", "disparity.npy", header("[1, 2]"), "depth/unreadable"),
    ("npy header", "missing key", "disparity.npy", header("{'descr': '<f4'}"), "depth/unreadable"),
    ("npy header", "code", "disparity.npy", header("__import__('os').system('false')"), "depth/unreadable"),
    ("npy header", "null byte", "disparity.npy", header("{\0}"), "depth/unreadable"),
    ("npy header", "unknown type", "disparity.npy", shape("(3, 4)", "'<q9'"), "depth/unreadable"),
    ("npy header", "type of times", "disparity.npy", shape("(3, 4)", "'<M8[s]'"), "depth/unreadable"),
    ("npy header", "type of text", "disparity.npy", shape("(3, 4)", "'<U5'"), "depth/unreadable"),
    ("npy header", "type of records", "disparity.npy", shape("(3, 4)", "[('a', '<f4')]"), "depth/unreadable"),
    ("npy header", "type of objects", "disparity.npy", shape("(3, 4)", "'|O'"), "depth/unreadable"),
    ("npy header", "type of no bytes", "disparity.npy", shape("(3, 4)", "'|V0'"), "depth/unreadable"),
    ("npy header", "type nested", "disparity.npy", shape("(3, 4)", "[" * 90 + "]" * 90), "depth/unreadable"),
    ("npy header", "magic only", "disparity.npy", b"\x93NUMPY", "depth/unreadable"),
    ("npy header", "no bytes", "disparity.npy", b"", "depth/unreadable"),
    ("npy header", "zip", "disparity.npy", b"PK\x03\x04" + bytes(99), "depth/unreadable"),
    ("pfm header", "one line", "disparity.pfm", pfm(b"Pf 40 30 -1\n"), "depth/unreadable"),
    ("pfm header", "no scale", "disparity.pfm", pfm(b"Pf\n40 30\n\n"), "depth/unreadable"),
    ("pfm header", "scale of zero", "disparity.pfm", pfm(b"Pf\n40 30\n0\n"), "depth/unreadable"),
    ("pfm header", "scale of NaN", "disparity.pfm", pfm(b"Pf\n40 30\nnan\n"), "depth/unreadable"),
    ("pfm header", "scale beyond float", "disparity.pfm", pfm(b"Pf\n40 30\n1e999\n"), "depth/unreadable"),
    ("pfm header", "three sides", "disparity.pfm", pfm(b"Pf\n40 30 2\n-1\n"), "depth/unreadable"),
    ("pfm header", "negative side", "disparity.pfm", pfm(b"Pf\n-40 30\n-1\n"), "depth/unreadable"),
    ("pfm header", "100 digits", "disparity.pfm", pfm(b"Pf\n" + b"9" * 100 + b" 1\n-1\n"), "depth/too_large"),
    ("pfm header", "a gigapixel", "disparity.pfm", pfm(b"Pf\n40000 30000\n-1\n"), "depth/too_large"),
    ("pfm header", "no line ends", "disparity.pfm", b"Pf" * 4000, "depth/unreadable"),
    ("pfm header", "all NaN", "disparity.pfm", pfm(b"Pf\n40 30\n-1\n", np.full(1200, np.nan, "<f4").tobytes()), "depth/no_depth depth/holes depth/constant"),
    ("depth png", "largest sides", "disparity.png", png(2**31 - 1, 2**31 - 1, 16, 0), "depth/too_large"),
    ("depth png", "100 megapixels of nothing", "disparity.png", png(11_000, 9_000, 16, 0, data=zlib.compress(bytes(1000))), "depth/truncated depth/unreadable"),
    ("depth png", "equal channels and alpha", "disparity.png", hostile.encoded(np.zeros((30, 40, 4), np.uint8)), "depth/constant"),
    ("depth png", "a jpeg", "disparity.png", hostile.encoded(hostile.noise(), "JPEG"), "depth/unreadable"),
    ("depth png", "no bytes", "disparity.png", b"", "depth/unreadable"),
    ("depth png", "text that inflates", "disparity.png", png(middle=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80 << 20)))), "depth/unreadable"),
    ("exr", "magic only", "disparity.exr", b"\x76\x2f\x31\x01", "depth/unreadable depth/exr"),
    ("exr", "header of zeros", "disparity.exr", b"\x76\x2f\x31\x01" + bytes(200), "depth/unreadable depth/exr"),
    ("exr", "a jpeg", "disparity.exr", JPEG, "depth/unreadable depth/exr"),
    *_EXR,
    ("depth values", "all zero", "depth.npy", npy(np.zeros((66, 88))), "depth/constant depth/no_depth depth/holes"),
    ("depth values", "all infinite", "depth.npy", npy(np.full((66, 88), np.inf)), "depth/constant depth/no_depth depth/holes"),
    ("depth values", "all negative", "depth.npy", npy(-1 - slope(66, 88)), "depth/constant depth/no_depth depth/holes"),
    ("depth values", "whole meters", "depth.png", png16(slope(66, 88)), "depth/scale_unknown"),
    ("depth values", "smallest numbers", "depth.npy", npy(np.full((66, 88), 1e-300) * (1 + slope(66, 88))), "depth/constant depth/no_depth depth/holes"),
    ("depth values", "of another shape", "disparity.npy", npy(slope(66, 66)), "depth/size_mismatch"),
    ("depth values", "of swapped sides", "disparity.npy", npy(slope(88, 66)), "depth/size_mismatch"),
]
NOTES: list[tuple[str, str, bytes]] = [
    ("depth.json", "no json", b"quantity: depth"),
    ("depth.json", "a list", b"[]"),
    ("depth.json", "null", b"null"),
    ("depth.json", "cut", b'{"scale": '),
    ("depth.json", "unknown key", b'{"units": "mm"}'),
    ("depth.json", "unknown kind", b'{"kind": "absolute"}'),
    ("depth.json", "kind of a list", b'{"kind": ["metric"]}'),
    ("depth.json", "quantity of an object", b'{"quantity": {}}'),
    ("depth.json", "scale of zero", b'{"scale": 0}'),
    ("depth.json", "scale of text", b'{"scale": "0.001"}'),
    ("depth.json", "scale of NaN", b'{"scale": NaN}'),
    ("depth.json", "scale of true", b'{"scale": true}'),
    ("depth.json", "scale of 500 digits", b'{"scale": ' + b"9" * 500 + b"}"),
    ("depth.json", "scale of 9000 digits", b'{"scale": ' + b"9" * 9000 + b"}"),
    ("depth.json", "offset of null", b'{"offset": null}'),
    ("depth.json", "offset of infinity", b'{"offset": -Infinity}'),
    ("depth.json", "source of a number", b'{"source": 3}'),
    ("depth.json", "source of half a letter", b'{"source": "\\ud800"}'),
    ("depth.json", "source of 9000 letters", b'{"source": "' + b"x" * 9000 + b'"}'),
    ("depth.json", "nested 100000 deep", b'{"source": ' * 100_000),
    ("depth.json", "brackets 100000 deep", b"[" * 100_000),
    ("depth.json", "noise", bytes(range(256)) * 4),
    ("depth.json", "two megabytes", b" " * (2 << 20)),
    ("depth.json", "utf-16", '{"scale": 1}'.encode("utf-16")[:-1]),
]
# fmt: on


def a_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket may have 108 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


def sparse(path: Path, size: int, begin: bytes = b"") -> None:
    """A file that claims a size and holds nothing."""
    path.write_bytes(begin)
    os.truncate(path, size)


PLACES: list[tuple[str, str, Callable[[Path], Any], str]] = [
    ("place", "pipe.jpg", os.mkfifo, "photo/unreadable"),
    ("place", "socket.jpg", a_socket, "photo/unreadable"),
    ("place", "zero.jpg", lambda path: path.symlink_to("/dev/zero"), "photo/unreadable"),
    ("place", "random.png", lambda path: path.symlink_to("/dev/urandom"), "photo/unreadable"),
    ("place", "null.jpg", lambda path: path.symlink_to("/dev/null"), "photo/unreadable"),
    ("place", "tty.jpg", lambda path: path.symlink_to("/dev/tty"), "photo/unreadable"),
    ("place", "proc.jpg", lambda path: path.symlink_to("/proc/self/status"), "photo/unreadable photo/changed"),
    ("place", "memory.jpg", lambda path: path.symlink_to("/proc/self/mem"), "photo/unreadable"),
    ("place", "broken.jpg", lambda path: path.symlink_to("nowhere.jpg"), "photo/missing"),
    ("place", "self.jpg", lambda path: path.symlink_to("self.jpg"), "photo/unreadable"),
    ("place", "2-terabytes.jpg", lambda path: sparse(path, 2 << 40), "photo/too_large"),
    ("place", "700-megabytes.jpg", lambda path: sparse(path, 700 << 20), "photo/empty"),
    ("place", "700-megabytes-of-jpeg.jpg", lambda path: sparse(path, 700 << 20, JPEG), "photo/too_large"),
    ("place", "700-megabytes-of-tiff.tif", lambda path: sparse(path, 700 << 20, TIFF), "photo/too_large"),
]
SIDECAR_PLACES: list[tuple[str, str, Callable[[Path], Any], str]] = [
    ("place of a sidecar", "pipe", os.mkfifo, "depth/sidecar_missing"),
    ("place of a sidecar", "zero", lambda path: path.symlink_to("/dev/zero"), "depth/sidecar_missing"),
    ("place of a sidecar", "folder", Path.mkdir, "depth/sidecar_missing"),
    ("place of a sidecar", "broken", lambda path: path.symlink_to("nowhere"), "depth/sidecar_missing"),
    ("place of a sidecar", "2-terabytes", lambda path: sparse(path, 2 << 40), "depth/too_large"),
]
NAMES: list[tuple[str, str]] = [
    ("name", "<img onerror=alert(1)>.png"), ("name", "-rf.png"), ("name", "a.b.c.d.png"), ("name", "späce \u202e gnp.png"),
    ("name", "'; drop table.png"), ("name", "new\nline.png"), ("name", "tab\t.png"), ("name", " lead.png"), ("name", "100%s.png"),
    ("name", "x#y?z.png"), ("name", "back\\slash.png"), ("name", "con\x01trol.png"), ("name", "\u2028ls.png"), ("name", "😀.png"),
    ("name", "e\u0301.png"), ("name", "CON.png"), ("name", "{}.png"), ("name", "$(id).png"), ("name", "~.png"), ("name", "[a-z]*.png"),
]  # fmt: skip
LABELS = {"license": "x" * 5000, "author": "y" * 5000, "source_url": "https://" + "z" * 5000}
ROWS: list[tuple[str, str, str]] = [
    ("row", "/dev/zero", "photo/unreadable photo/list_row"),
    ("row", "file:///dev/zero", "photo/unreadable photo/list_row"),
    ("row", "pipe:cat /etc/passwd", "photo/missing photo/list_row"),
    ("row", "nothing://x/y.jpg", "photo/unreadable photo/list_row photo/missing"),
    ("row", "memory://none/x.jpg", "photo/missing photo/list_row"),
    ("row", "file:///none/x.jpg", "photo/missing photo/list_row"),
    ("row", "data:image/png;base64,xx", "photo/missing photo/list_row"),
    ("row", "://", "photo/unreadable photo/list_row photo/missing"),
    ("row", "../../../../../../etc", "photo/unreadable photo/list_row"),
    ("row", "~/none.jpg", "photo/missing photo/list_row"),
    ("row", "x" * 300 + ".jpg", "photo/unreadable photo/list_row photo/missing"),
    ("row", "x/" * 3000 + "a.jpg", "photo/name photo/unreadable photo/list_row photo/missing"),
    ("row", "C:\\photos\\a.jpg", "photo/missing photo/list_row"),
    ("row", "a.png/b.jpg", "photo/unreadable photo/missing photo/list_row"),
]
