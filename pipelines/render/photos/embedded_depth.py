"""The depth picture that a phone stores within a portrait photo, and what its numbers mean. All of it is untrusted.

| format        | where the picture lies                                      | its numbers                        |
|---------------|-------------------------------------------------------------|------------------------------------|
| GDepth        | JPEG: base64 in the XMP, mostly in its extension            | Near to Far, by Format             |
| Dynamic Depth | JPEG: behind the photo; a directory in the XMP says where   | the same                           |
| Apple depth   | JPEG: a frame (MPO) whose own XMP says so; HEIC: see below  | FloatMinValue to FloatMaxValue     |
| HEIF depth    | HEIC: an auxiliary picture without Apple's XMP              | d_min to d_max, or z_far to z_near |

Metric are only numbers whose unit the file states: `Units` of Google's formats, accuracy `absolute` of Apple's.

Sources: developers.google.com/depthmap-metadata; Google 2019, "Dynamic Depth 1.0"; XMP specification part 3, 1.1.3.1
(extended XMP); Apple's AVDepthData; ISO/IEC 23008-2, depth representation information.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.render.photos.header import FORMATS, open_header

_GDEPTH = "{http://ns.google.com/photos/1.0/depthmap/}"
_DEPTH_MAP = "{http://ns.google.com/photos/dd/1.0/depthmap/}"
_ITEMS = ("{http://ns.google.com/photos/dd/1.0/item/}", "{http://ns.google.com/photos/1.0/container/item/}")
_PIXEL_DATA = "{http://ns.apple.com/pixeldatainfo/1.0/}"
_ACCURACY = "{http://ns.apple.com/depthData/1.0/}Accuracy"
_MARKS = (
    b"ns.google.com/photos/",
    b"ns.apple.com/depthData/",
    b"urn:mpeg:",
)  # few, since all photos are searched for them
LONGEST_MARK = max(map(len, _MARKS))
_METERS = {"m": 1.0, "meter": 1.0, "meters": 1.0, "cm": 0.01, "mm": 0.001, "millimeters": 0.001}
_EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_EXTENSION_HEADER = 40  # bytes: 32 of a GUID, then the whole length and the offset
_PACKET = re.compile(rb"<x:xmpmeta.*?</x:xmpmeta>", re.DOTALL)
_MOST_FRAMES = 16  # of an MPO: photo, depth, mattes, gain map

Quantity = Literal["disparity", "depth"]
_QUANTITIES: dict[str, Quantity] = {"disparity": "disparity", "depth": "depth"}  # of Apple's AuxiliaryImageType
Nodes = list[dict[str, str]]
"""The properties of each element of an XMP packet, by `{namespace}name`."""


@dataclass(frozen=True)
class EmbeddedDepth:
    """A depth picture, not yet decoded. Stored 0 means `first`, the largest stored number `last`."""

    picture: Any  # what numpy makes an array of
    quantity: Quantity
    first: float
    last: float
    is_metric: bool  # first and last are in meters, or 1/m; else their unit is unknown
    source: str  # the format

    def numbers(self) -> NDArray[np.float64]:
        """Depth or disparity [h, w], in the orientation of the stored photo. Raises what a decoder raises."""
        stored = np.asarray(self.picture)
        gray = stored[..., 0] if stored.ndim == 3 else stored
        return self.first + (self.last - self.first) / np.iinfo(gray.dtype).max * gray.astype(np.float64)


def may_hold_depth(content: bytes) -> bool:
    """Whether what all of the formats write occurs in a piece of a file; other photos may write it, too."""
    return any(mark in content for mark in _MARKS)


def holds_depth(content: bytes) -> bool:
    """Whether a depth picture is within a photo. A broken one, too: its photo is rejected with the reason later."""
    try:
        return embedded_depth(content) is not None
    except Exception:  # of a parser of foreign bytes
        return True


def embedded_depth(content: bytes) -> EmbeddedDepth | None:
    """The depth picture within a photo's bytes; None where there is none.

    Raises whatever parsers raise on a file that names a depth picture and is broken.
    """
    if not may_hold_depth(content):
        return None
    image = open_header(content, FORMATS)
    if image.format == "HEIF":
        return _of_heif(image, content)
    if image.format not in ("JPEG", "MPO"):
        return None
    nodes = [node for packet in _jpeg_packets(image) for node in _nodes(packet)]
    return _google_depth(nodes, content) or _of_frames(image)


def _jpeg_packets(image: Image.Image) -> list[bytes]:
    """The XMP of a JPEG, and its extended XMP put together from its pieces."""
    segments = [body for marker, body in getattr(image, "applist", ()) if marker == "APP1"]
    pieces = [body.removeprefix(_EXTENDED_XMP) for body in segments if body.startswith(_EXTENDED_XMP)]
    by_offset = sorted((int.from_bytes(piece[36:40], "big"), piece[_EXTENSION_HEADER:]) for piece in pieces)
    extended = b"".join(piece for _, piece in by_offset)
    return [packet for packet in (image.info.get("xmp", b""), extended) if packet]


def _nodes(packet: bytes) -> Nodes:
    """XMP writes a property as an attribute or as an element. Expat bounds the expansion of entities."""
    elements = ElementTree.fromstring(packet.strip(b"\0 \n")).iter()
    return [{**element.attrib, **{child.tag: child.text or "" for child in element}} for element in elements]


def _google_depth(nodes: Nodes, content: bytes) -> EmbeddedDepth | None:
    gdepth, depth_map = _named(nodes, _GDEPTH), _named(nodes, _DEPTH_MAP)
    if encoded := gdepth.get("Data"):
        return _of_range(base64.b64decode(encoded), gdepth, "GDepth")
    if data := _directory_item(nodes, content, depth_map.get("DepthURI", "")):
        return _of_range(data, depth_map or gdepth, "Dynamic Depth")
    return None


def _named(nodes: Nodes, namespace: str) -> dict[str, str]:
    """All properties of one namespace, by name."""
    found = {}
    for node in nodes:
        found.update({key.removeprefix(namespace): text for key, text in node.items() if key.startswith(namespace)})
    return found


def _directory_item(nodes: Nodes, content: bytes, depth_uri: str) -> bytes | None:
    """The depth picture behind the photo. The items lie at the file's end, in the directory's order."""
    items = [found for node in nodes for space in _ITEMS if "Mime" in (found := _named([node], space))]
    end = len(content)
    for item in reversed(items):
        end -= int(item.get("Padding", 0))
        begin = end - int(item.get("Length", 0))
        is_depth = item.get("Semantic") in ("Depth", "DepthMap") or (depth_uri and item.get("DataURI") == depth_uri)
        if is_depth and not 0 <= begin < end:
            raise ValueError(f"the directory's depth picture must lie within the file, at {begin} to {end}")
        if is_depth:
            return content[begin:end]
        end = begin
    return None


def _of_range(data: bytes, fields: Mapping[str, str], source: str) -> EmbeddedDepth:
    """Of a picture whose 0 is near and whose largest number is far."""
    picture = open_header(data, ("JPEG", "PNG"))
    meters = _METERS.get(fields.get("Units", "").casefold())
    near, far = (float(fields.get(name, "nan")) * (meters or 1.0) for name in ("Near", "Far"))
    if not 0 < near < far < math.inf:
        raise ValueError(f"its Near and Far must be 0 < Near < Far, are {fields.get('Near')} and {fields.get('Far')}")
    match fields.get("Format", "").casefold():
        case "rangelinear":
            return EmbeddedDepth(picture, "depth", near, far, meters is not None, source)
        case "rangeinverse":
            return EmbeddedDepth(picture, "disparity", 1 / near, 1 / far, meters is not None, source)
        case other:
            raise ValueError(f"its Format must be RangeInverse or RangeLinear, is {other!r}")


def _of_frames(image: Image.Image) -> EmbeddedDepth | None:
    """Apple's depth: the frame of an MPO that calls itself so."""
    for frame in range(1, min(getattr(image, "n_frames", 1), _MOST_FRAMES)):
        image.seek(frame)
        if found := _of_apple(image, [image.info.get("xmp", b"")]):
            return found
    return None


def _of_apple(picture: Any, packets: Iterable[bytes]) -> EmbeddedDepth | None:
    for nodes in (_nodes(packet) for packet in packets if _PIXEL_DATA[1:-1].encode() in packet):
        fields = _named(nodes, _PIXEL_DATA)
        if quantity := _QUANTITIES.get(fields.get("AuxiliaryImageType", "")):
            first, last = float(fields["FloatMinValue"]), float(fields["FloatMaxValue"])
            is_metric = any(node.get(_ACCURACY) == "absolute" for node in nodes)
            return EmbeddedDepth(picture, quantity, first, last, is_metric, "Apple depth")
    return None


def _of_heif(image: Image.Image, content: bytes) -> EmbeddedDepth | None:
    """pillow-heif does not hand out the XMP of auxiliary pictures; XMP is made to be found by scanning a file."""
    pictures = image.info.get("depth_images", ())
    if not pictures:
        return None
    picture = pictures[0]
    if found := _of_apple(picture, _PACKET.findall(content)):
        return found
    stated = picture.info["metadata"] or {}
    match stated.get("representation_type"):
        case 0:  # uniform in 1/Z
            return EmbeddedDepth(picture, "disparity", 1 / stated["z_far"], 1 / stated["z_near"], False, "HEIF depth")
        case 1:  # uniform in disparity
            return EmbeddedDepth(picture, "disparity", stated["d_min"], stated["d_max"], False, "HEIF depth")
        case other:
            raise ValueError(f"its depth must be uniform in disparity or in inverse depth, is of type {other}")
