"""Portrait photos with depth within them, as Google's and Apple's phones write them; made byte by byte."""

from __future__ import annotations

import base64
import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.pipelines.render.photos import hostile_photos as hostile
from tests.pipelines.render.photos.photo_examples import scenery

Map = NDArray[np.uint8] | NDArray[np.uint16]
_GDEPTH = 'xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/"'
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
_PIECE = 65_000


def photo(height: int = 96, width: int = 128, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return hostile.encoded(scenery(height, width), "JPEG", quality=95, exif=exif.tobytes())


def packet(inner: str) -> bytes:
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}">{inner}</rdf:RDF></x:xmpmeta>'.encode()


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """A JPEG with these APP1 segments at its beginning."""
    return jpeg[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(s) + 2) + s for s in segments) + jpeg[2:]


def gdepth(stored: Map, fields: dict[str, object], *, jpeg: bytes | None = None, kind: str = "PNG") -> bytes:
    """GDepth in the XMP; where that is longer than a segment, the picture is in the extension, in pieces."""
    data = base64.b64encode(hostile.encoded(stored, kind)).decode()
    stated = " ".join(f'GDepth:{name}="{value}"' for name, value in fields.items())
    whole = packet(f'<rdf:Description {_GDEPTH} {stated} GDepth:Data="{data}"/>')
    if len(whole) <= _PIECE:
        return with_segments(jpeg or photo(), _XMP + whole)
    extension = packet(f'<rdf:Description {_GDEPTH} GDepth:Data="{data}"/>')
    pieces = [
        _EXTENDED + b"0" * 32 + struct.pack(">II", len(extension), at) + extension[at : at + _PIECE]
        for at in range(0, len(extension), _PIECE)
    ]
    main = _XMP + packet(f"<rdf:Description {_GDEPTH} {stated}/>")
    return with_segments(jpeg or photo(), main, *reversed(pieces))  # their offsets count, not their order


def dynamic_depth(stored: Map, fields: dict[str, object], *, behind: bytes = b"", padding: int = 7) -> bytes:
    """Dynamic Depth: the picture lies behind the photo, and before another item, with padding between them."""
    picture = hostile.encoded(stored, "PNG")
    dd = "http://ns.google.com/photos/dd/1.0"
    stated = "".join(f"<DepthMap:{name}>{value}</DepthMap:{name}>" for name, value in fields.items())
    items = [  # URI, length, padding behind it
        ("primary_image", 0, 0),
        ("android/depthmap", len(picture), padding),
        ("android/confidencemap", len(behind), 0),
    ]
    directory = "".join(
        f'<rdf:li><Container:Item Item:Mime="image/png" Item:Length="{length}" Item:Padding="{behind_it}" '
        f'Item:DataURI="{uri}"/></rdf:li>'
        for uri, length, behind_it in items
    )
    xmp = packet(
        f'<rdf:Description xmlns:Device="{dd}/device/" xmlns:Container="{dd}/container/" xmlns:Item="{dd}/item/" '
        f'xmlns:Camera="{dd}/camera/" xmlns:DepthMap="{dd}/depthmap/"><Device:Container><Container:Directory><rdf:Seq>'
        f"{directory}</rdf:Seq></Container:Directory></Device:Container><Camera:DepthMap>{stated}"
        "<DepthMap:DepthURI>android/depthmap</DepthMap:DepthURI></Camera:DepthMap></rdf:Description>"
    )
    return with_segments(photo(), _XMP + xmp) + picture + bytes(7) + behind


def apple_xmp(fields: dict[str, object], accuracy: str) -> bytes:
    stated = "".join(f"<apdi:{name}>{value}</apdi:{name}>" for name, value in fields.items())
    return packet(
        '<rdf:Description xmlns:apdi="http://ns.apple.com/pixeldatainfo/1.0/" '
        f'xmlns:depthData="http://ns.apple.com/depthData/1.0/">{stated}'
        f"<depthData:Accuracy>{accuracy}</depthData:Accuracy></rdf:Description>"
    )


def apple_jpeg(stored: NDArray[np.uint8], fields: dict[str, object], accuracy: str, orientation: int = 1) -> bytes:
    """An MPO: the photo, a matte without XMP of depth, and the depth."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    frames = [Image.fromarray(np.zeros_like(stored)), Image.fromarray(stored)]
    frames[1].encoderinfo = {"xmp": apple_xmp(fields, accuracy), "quality": 100}
    stream = io.BytesIO()
    image = Image.fromarray(scenery(96, 128))
    image.save(stream, "MPO", save_all=True, append_images=frames, exif=exif.tobytes(), quality=95)
    return stream.getvalue()


def heic(stored: NDArray[np.uint8], *, range_bits: str = "", xmp: bytes = b"") -> bytes:
    """A HEIC of two pictures, made into a photo and its depth: pillow-heif writes no auxiliary pictures.

    range_bits: of the depth representation information (H.265, G.14.2.6); none where empty.
    """
    import pillow_heif

    pillow_heif.register_heif_opener()
    stream = io.BytesIO()
    depth = Image.fromarray(stored)
    Image.fromarray(scenery(96, 128)).save(stream, "HEIF", quality=95, save_all=True, append_images=[depth])
    content = stream.getvalue()
    boxes = _boxes(content, 0)
    meta = _boxes(boxes[b"meta"], 4)
    properties = _boxes(meta[b"iprp"], 0)
    count = _count(properties[b"ipco"])
    properties[b"ipco"] += _box(b"auxC", bytes(4) + b"urn:mpeg:hevc:2015:auxid:2\0" + _depth_message(range_bits))
    properties[b"ipma"] = _associated(properties[b"ipma"], item=2, number=count + 1)
    meta[b"iprp"] = b"".join(_box(kind, body) for kind, body in properties.items())
    meta[b"iref"] = bytes(4) + _box(b"auxl", struct.pack(">HHH", 2, 1, 1))  # the second is auxiliary to the first
    grown = len(boxes[b"meta"][:4] + b"".join(_box(*box) for box in meta.items())) - len(boxes[b"meta"])
    meta[b"iloc"] = _moved(meta[b"iloc"], grown)
    boxes[b"meta"] = boxes[b"meta"][:4] + b"".join(_box(*box) for box in meta.items())
    return b"".join(_box(*box) for box in boxes.items()) + (_box(b"free", xmp) if xmp else b"")


def number_bits(exponent: int) -> str:
    """2^exponent as an element of the depth representation information."""
    return f"0{exponent + 31:07b}{0:05b}0"


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def _boxes(content: bytes, at: int) -> dict[bytes, bytes]:
    found = {}
    while at < len(content):
        size, kind = struct.unpack(">I4s", content[at : at + 8])
        found[kind] = content[at + 8 : at + size]
        at += size
    return found


def _count(properties: bytes) -> int:
    at = count = 0
    while at < len(properties):
        at += int(struct.unpack(">I", properties[at : at + 4])[0])
        count += 1
    return count


def _depth_message(bits: str) -> bytes:
    if not bits:
        return b""
    payload = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    message = b"\x4e\x01" + bytes([177, len(payload)]) + payload + b"\x80"
    return struct.pack(">II", len(message) + 4, len(message)) + message


def _associated(ipma: bytes, item: int, number: int) -> bytes:
    """The association of properties with one more, essential, for the last item."""
    at = ipma.rindex(struct.pack(">H", item), 8)
    return ipma[: at + 2] + bytes([ipma[at + 2] + 1]) + ipma[at + 3 :] + bytes([0x80 | number])


def _moved(iloc: bytes, by: int) -> bytes:
    """The items' places, `by` bytes later: version 0 with base offsets of four bytes."""
    moved = bytearray(iloc)
    for at in range(8, len(iloc), 18):
        base = int(struct.unpack(">I", iloc[at + 4 : at + 8])[0])
        moved[at + 4 : at + 8] = struct.pack(">I", base + by)
    return bytes(moved)
