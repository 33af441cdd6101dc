"""Sample <-> named bytes, encode and decode side by side.

`aif.jpg`, `disparity.png` (16 bit), `frame_00.jpg` ... `frame_NN.jpg`, `json`, `valid.png` (1 bit: white where the
disparity is known). Decoding knows these names and nothing else: no field can make it run code, and no image is decoded
before its header shows the size that the json promises.
"""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, UInt8, UInt16
from PIL import Image

from .complaint import FieldError
from .labels import require
from .record import MAX_RECORD_BYTES, SampleRecord
from .sample import Sample, check_key
from .stored_fields import field_bytes, read_fields

RECORD_FIELD = "json"
DISPARITY_FIELD = "disparity.png"
VALID_FIELD = "valid.png"
MAX_SAMPLE_BYTES = 2 << 30  # of all fields together, which are in memory at once
_MAX_BYTES_PER_PIXEL = 4  # three channels, and noise that a format makes larger
_MAX_HEADER_BYTES = 1 << 16

_PILLOW_FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}
_IMAGE_FIELD = re.compile(r"(aif|frame_[0-9]{2})\.(jpg|png|webp)")
_PNG_LEVEL = 1  # 75 ms a megapixel against 179 ms at level 6, for 3 % of size


@dataclass(frozen=True)
class ImageCodec:
    """How photo and frames are stored; disparity is always a 16-bit PNG, `valid.png` has one bit.

    Attributes:
        format: `jpg` (4:4:4, colors at full resolution), `png` (lossless) or `webp` (lossy, 4:2:0).
        quality: 1 to 100, for jpg and webp.
    """

    format: str = "jpg"
    quality: int = 95

    def __post_init__(self) -> None:
        require("format", self.format in _PILLOW_FORMATS, f"be one of {', '.join(_PILLOW_FORMATS)}", self.format)
        require("quality", 1 <= self.quality <= 100, "lie in 1 to 100", self.quality)


def field_names(frames: int, codec: ImageCodec | None = None) -> tuple[str, ...]:
    """The fields of a sample of `frames` frames, in the order they have in the tar."""
    suffix = (codec or ImageCodec()).format
    return (
        f"aif.{suffix}",
        DISPARITY_FIELD,
        *(f"frame_{i:02d}.{suffix}" for i in range(frames)),
        RECORD_FIELD,
        VALID_FIELD,
    )


def encode(sample: Sample, codec: ImageCodec | None = None) -> dict[str, bytes]:
    """The fields of a sample as bytes, in the order of the tar. Equal samples give equal bytes."""
    codec = codec or ImageCodec()
    images = [encode_image(pixels, codec) for pixels in (sample.aif, *sample.frames)]
    disparity = _imencode("png", sample.disparity, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])
    valid = _imencode("png", sample.valid.astype(np.uint8), [cv2.IMWRITE_PNG_BILEVEL, 1])
    contents = [images[0], disparity, *images[1:], sample.record.to_json(), valid]
    return dict(zip(field_names(len(sample.frames), codec), contents, strict=True))


def decode(key: str, fields: Mapping[str, bytes]) -> Sample:
    """The sample that these fields encode. Names that start with `__`, which webdataset adds, are ignored.

    Raises:
        FieldError: naming key and field: a field missing, unknown, cut or of another kind; a label (`json.lens.kind`)
            that is missing, of another type, or in contradiction with the pixels.
    """
    try:
        check_key(key)
        record = decode_record(fields)
        names = check_fields(fields, record)
        contents = read_fields(fields, names)
        size = {"width": record.width, "height": record.height}
        aif = decode_image(names[0], contents[names[0]], **size)
        disparity = decode_disparity(contents[DISPARITY_FIELD], **size)
        frames = np.stack([decode_image(name, contents[name], **size) for name in names[2:-2]])
        valid = decode_valid(contents[VALID_FIELD], **size)
    except FieldError as error:
        raise error.within("", key) from None
    try:
        return Sample(key=key, aif=aif, disparity=disparity, valid=valid, frames=frames, record=record)
    except FieldError as error:  # the pixels fit by now: what is left is a label that contradicts them
        raise error.within(RECORD_FIELD, key) from None


def check_fields(fields: Mapping[str, bytes], record: SampleRecord) -> tuple[str, ...]:
    """The names of the fields that a record requires, in order.

    Raises FieldError: the first missing or unknown one, or one with more bytes than its pixels can take.
    """
    contents = [name for name in fields if not name.startswith("__")]
    suffixes = sorted({match[2] for name in contents if (match := _IMAGE_FIELD.fullmatch(name))})
    if len(suffixes) > 1:
        odd = next(
            name
            for name in sorted(contents)
            if name.endswith(f".{suffixes[1]}") and name not in (DISPARITY_FIELD, VALID_FIELD)
        )
        raise FieldError(odd, f"must have one format throughout the sample, got {' and '.join(suffixes)}")
    names = field_names(len(record.frames), ImageCodec(suffixes[0] if suffixes else "jpg"))
    for name in names:
        require(name, name in contents, "be there", f"fields {sorted(contents)}")
    for name in sorted(contents):
        require(name, name in names, f"be one of the fields of {len(record.frames)} frames", f"unknown {name}")
    most = _MAX_BYTES_PER_PIXEL * record.width * record.height + _MAX_HEADER_BYTES
    sizes = {name: field_bytes(fields, name) for name in names if name != RECORD_FIELD}
    for name, size in sizes.items():
        require(name, size <= most, f"have at most {most} bytes for its pixels", size)
    total = sum(sizes.values())
    require("*", total <= MAX_SAMPLE_BYTES, f"have at most {MAX_SAMPLE_BYTES} bytes together", total)
    return names


def decode_record(fields: Mapping[str, bytes]) -> SampleRecord:
    """The labels alone; FieldError names `json` or the label in it."""
    if RECORD_FIELD not in fields:
        raise FieldError(RECORD_FIELD, f"must be there, got fields {sorted(fields)}")
    size = field_bytes(fields, RECORD_FIELD)
    require(RECORD_FIELD, size <= MAX_RECORD_BYTES, f"have at most {MAX_RECORD_BYTES} bytes", size)
    try:
        return SampleRecord.from_json(fields[RECORD_FIELD])
    except FieldError as error:
        raise (error.within(RECORD_FIELD) if error.field else FieldError(RECORD_FIELD, error.message)) from None


def decode_image(name: str, data: bytes, *, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
    """The pixels of `aif.*` or `frame_NN.*`: sRGB, channels R G B. Raises FieldError naming the field."""
    match = _IMAGE_FIELD.fullmatch(name)
    if match is None:
        raise FieldError(name, "must be aif or frame_NN, as jpg, png or webp")
    _check_header(name, data, match[2], (width, height))
    pixels = _decode_pixels(name, data)
    holds = pixels.dtype == np.uint8 and pixels.shape == (height, width, 3)
    require(name, holds, f"hold uint8 ({height}, {width}, 3)", f"{pixels.dtype} {pixels.shape}")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def decode_disparity(data: bytes, *, width: int, height: int) -> UInt16[np.ndarray, "height width"]:
    """The 16-bit codes of `disparity.png`. Raises FieldError naming the field."""
    _check_header(DISPARITY_FIELD, data, "png", (width, height))
    pixels = _decode_pixels(DISPARITY_FIELD, data)
    holds = pixels.dtype == np.uint16 and pixels.shape == (height, width)
    require(DISPARITY_FIELD, holds, f"hold uint16 ({height}, {width})", f"{pixels.dtype} {pixels.shape}")
    return pixels


def decode_valid(data: bytes, *, width: int, height: int) -> Bool[np.ndarray, "height width"]:
    """Where the disparity is known, from `valid.png`. Raises FieldError naming the field."""
    _check_header(VALID_FIELD, data, "png", (width, height))
    pixels = _decode_pixels(VALID_FIELD, data)
    holds = pixels.dtype == np.uint8 and pixels.shape == (height, width) and bool(np.isin(pixels, (0, 255)).all())
    require(VALID_FIELD, holds, f"hold black and white ({height}, {width})", f"{pixels.dtype} {pixels.shape}")
    return pixels > 0


def encode_image(srgb: UInt8[np.ndarray, "height width 3"], codec: ImageCodec) -> bytes:
    """An sRGB image, channels R G B, as a file in the codec's format; `decode_image` reads it."""
    settings = {
        "jpg": [
            *(cv2.IMWRITE_JPEG_QUALITY, codec.quality),
            *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
        ],
        "png": [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL],
        "webp": [cv2.IMWRITE_WEBP_QUALITY, codec.quality],
    }
    return _imencode(codec.format, cv2.cvtColor(srgb, cv2.COLOR_RGB2BGR), settings[codec.format])


def _imencode(suffix: str, pixels: np.ndarray, settings: Sequence[int]) -> bytes:
    encoded, data = cv2.imencode(f".{suffix}", np.ascontiguousarray(pixels), list(settings))
    if not encoded:
        raise ValueError(f"OpenCV could not encode {pixels.dtype} {pixels.shape} as {suffix}")
    return bytes(data)


def _check_header(name: str, data: bytes, suffix: str, size: tuple[int, int]) -> None:
    """Check size and format in the header before decoding: 49 kB of PNG can unpack to 20,000² pixels."""
    try:
        with Image.open(io.BytesIO(data), formats=[_PILLOW_FORMATS[suffix]]) as image:
            got = image.size
    except Exception as error:  # parsers of hostile headers raise whatever they stumble over
        raise FieldError(name, f"must be a {suffix} image, got {type(error).__name__}: {error}") from None
    require(name, got == size, f"be {size[0]} x {size[1]} as the json says", f"{got[0]} x {got[1]}")
    # Some decoders fill the missing rest of a cut JPEG with gray and report nothing.
    complete = suffix != "jpg" or data.endswith(b"\xff\xd9")
    require(name, complete, "end with the JPEG end marker", f"a cut file of {len(data)} bytes")


def _decode_pixels(name: str, data: bytes) -> np.ndarray:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise FieldError(name, f"must be an image, got damaged bytes: {error.err}") from None
    if pixels is None:
        raise FieldError(name, f"must be an image, got {len(data)} damaged bytes")
    return np.asarray(pixels)
