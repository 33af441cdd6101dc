"""Mutations of files, and every parser that reads foreign bytes with the exceptions that it documents."""

from __future__ import annotations

import dataclasses
import io
import json
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from PIL import Image, ImageCms

from pipelines.audit.check import Criterion
from pipelines.audit.field_map import FieldMap
from pipelines.audit.reading import count_samples, read_samples
from pipelines.audit.rerender import RenderSettings
from pipelines.errors import Rejection, UserError
from pipelines.model.checkpoint import TrainingState, read_state
from pipelines.preview.checks import read_audit
from pipelines.preview.reject_gallery import reject_groups
from pipelines.refocus.photo_file import read_photo
from pipelines.render.config import StackConfig
from pipelines.render.depth.onnx_note import read_onnx_note
from pipelines.render.depth.sidecar import SidecarDepth, read_note
from pipelines.render.photos.content import content_hashes
from pipelines.render.photos.decode import decode_photo
from pipelines.render.photos.finding import find_photos
from pipelines.render.photos.listing import list_photos
from pipelines.render.photos.photo import PhotoSource
from pipelines.render.photos.table import PhotoTable
from pipelines.render.plan.plan import Plan, plan_lines, read_plan
from pipelines.render.plan.rejects import read_left_out
from pipelines.render.sample.lens_sampling import read_aperture_mask
from pipelines.runs.data_set_paths import DataSetPaths
from pipelines.runs.run_log import RunEntry, read_runs
from pipelines.runs.settings import read_settings, settings_to_json
from shards import encode
from shards.archive import scan
from shards.codec import decode
from shards.manifest import MANIFEST_FILE, ManifestRows
from shards.marker import Marker, marker_path, tar_path
from shards.reader import read_shards
from shards.validate import validate
from tests.pipelines.render.depth.test_exr import exr
from tests.pipelines.render.photos import hostile_photos as hostile
from tests.pipelines.render.photos import portrait_photos as portrait
from tests.pipelines.render.photos.photo_examples import photo_at, slope
from tests.shards.synthetic import make_sample, write_data_set

Bytes = bytes
NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
WORDS = [
    *(b"null", b"true", b"-1", b"1e999", b"NaN", b"Infinity", b"9" * 400, b"1.5", b'""', b"[]", b"{}", b'"\\ud800"'),
    *(b"[" * 2000, b'{"a":' * 2000, b"(" * 200, b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b",", b"\n", b"\r", b'"', b"//"),
    *(b"x" * 5000, b"-", b"0x10", b"1L", b"'", b"&a [*a]", b"!!python/object:os.system", b"%s", b"{:d}", b"../../etc"),
]


def mutations(seed: bytes, count: int, random: np.random.Generator) -> Iterator[bytes]:
    """`count` damaged versions of a file; half of the damage is in its first 512 bytes, where headers are."""
    for _ in range(count):
        damaged = bytearray(seed)
        for _ in range(int(random.integers(1, 5))):
            damage(damaged, random)
        yield bytes(damaged)


def damage(content: bytearray, random: np.random.Generator) -> None:
    size = len(content)
    end = min(size, 512) if random.random() < 0.5 else size
    at = int(random.integers(0, max(end, 1)))
    length = int(random.integers(1, 32))
    match int(random.integers(0, 9)):
        case 0 | 1 if size:
            content[min(at, size - 1)] ^= 1 << int(random.integers(0, 8))
        case 2 if size:
            content[min(at, size - 1)] = int(random.integers(0, 256))
        case 3:
            del content[at : at + length]
        case 4:
            content[at:at] = random.bytes(length)
        case 5:
            content[at : at + length] = content[: length * 2]
        case 6:
            del content[at:]
        case 7:
            number = NUMBERS[int(random.integers(0, len(NUMBERS)))]
            form = (">I", "<I", ">H", "<H")[int(random.integers(0, 4))]
            packed = struct.pack(form, number & (0xFFFF if form[1] == "H" else 0xFFFFFFFF))
            content[at : at + len(packed)] = packed
        case _:
            word = WORDS[int(random.integers(0, len(WORDS)))]
            content[at : at + int(random.integers(0, 8))] = word


@dataclasses.dataclass(frozen=True)
class Parser:
    """A reader of foreign bytes. `read` may raise `documented` and nothing else."""

    name: str
    seeds: tuple[bytes, ...]
    read: Callable[[bytes], object]
    documented: tuple[type[Exception], ...] = ()


def undocumented(parser: Parser, count: int, seed: int) -> Counter[str]:
    """Exceptions that a parser does not document, over `count` mutations of its seeds; their type and text counted."""
    found: Counter[str] = Counter()
    for number, content in enumerate(parser.seeds):
        random = np.random.default_rng([seed, number])
        share = count // len(parser.seeds) + 1
        for damaged in mutations(content, share, random):
            if error := raised(parser, damaged):
                found[f"{type(error).__name__}: {str(error)[:90]}"] += 1
    return found


def raised(parser: Parser, content: bytes) -> Exception | None:
    """The exception that the parser does not document, if it raises one on these bytes."""
    try:
        parser.read(content)
    except parser.documented:
        return None
    except Exception as error:
        return error
    return None


def parsers(scratch: Path) -> list[Parser]:
    """Every parser; those that take paths read `scratch`, which ought to lie in memory."""
    scratch.mkdir(parents=True, exist_ok=True)
    return [*_pictures(scratch), *_depth_files(scratch), *_lists(scratch), *_shards(scratch), *_run_files(scratch)]


ONNX_NOTE = b"quantity: depth\nkind: metric\nlong_side: 504\nmean: [0.5, 0.5, 0.5]\nsky: sky\nlicense: MIT\n"


def at(path: Path, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """A reader of bytes from one of a path."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def read_bytes(content: bytes) -> object:
        path.write_bytes(content)
        return read(path)

    return read_bytes


def _pictures(scratch: Path) -> list[Parser]:
    small = hostile.noise(64, 64)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8769).update({0x920A: 35.0, 0xA405: 50, 0x829D: 1.8})
    block = exif.tobytes()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pictures = (
        hostile.encoded(small, "JPEG", exif=block, icc_profile=profile),
        hostile.encoded(small, "PNG", exif=block, icc_profile=profile),
        hostile.encoded(small, "WEBP", exif=block),
        hostile.encoded(small, "TIFF", compression="tiff_lzw"),
        hostile.encoded(small, "TIFF"),
        hostile.saved(Image.fromarray(small), "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))]),
        hostile.cmyk(hostile.cmyk_profile()),
        hostile.saved(Image.fromarray(small).quantize(16), "PNG"),
    )

    def near_hash(path: Path) -> object:
        return content_hashes(str(path), near=True)

    mask = read_aperture_mask.__wrapped__  # past its cache
    return [
        Parser("photo", pictures, lambda content: decode_photo(content, long_side=64), (Rejection,)),
        Parser(
            "exif",
            (block,),
            lambda content: decode_photo(hostile.encoded(small, "PNG", exif=content), long_side=64),
            (Rejection,),
        ),
        Parser(
            "color profile",
            (profile, hostile.cmyk_profile()),
            lambda content: decode_photo(hostile.encoded(small, "PNG", icc_profile=content), long_side=64),
            (Rejection,),
        ),
        Parser(
            "near-duplicate hash",
            pictures,
            at(scratch / "hashed.jpg", near_hash),
        ),
        Parser("refocus photo", pictures[:4], at(scratch / "r.jpg", read_photo), (UserError,)),
        Parser("aperture mask", (hostile.encoded(small[..., 0]),), at(scratch / "m.png", mask), (UserError,)),
    ]


def _npy(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def _depth_files(scratch: Path) -> list[Parser]:
    ramp = slope()
    seeds = {
        "png": (hostile.encoded((ramp * 65535).astype(np.uint16)), hostile.encoded((ramp * 255).astype(np.uint8))),
        "npy": (_npy(ramp), _npy(ramp.astype(">f8")[None]), _npy(np.asfortranarray((ramp * 999).astype(np.int16)))),
        "pfm": (b"Pf\n40 30\n-1.0\n" + ramp[::-1].astype("<f4").tobytes(),),
    }
    if find_spec("OpenEXR"):
        seeds["exr"] = (exr({"Z": ramp}), exr({"Y": ramp, "A": ramp}, "PIZ"))
    found = []
    for suffix, contents in seeds.items():
        for word in ("disparity", "depth"):
            folder = scratch / f"{word}_{suffix}"
            photo = photo_at(folder / "a.jpg", scale=2)

            def estimate(_: Path, photo: Any = photo) -> object:
                return SidecarDepth().prepared(photo)

            path = folder / f"a.{word}.{suffix}"
            found.append(Parser(f"sidecar {path.name[2:]}", contents, at(path, estimate)))
    photo_of_portrait = photo_at(scratch / "portrait" / "a.jpg", 96, 128)
    photo_of_portrait = dataclasses.replace(
        photo_of_portrait, source=dataclasses.replace(photo_of_portrait.source, holds_depth=True)
    )

    def embedded(path: Path) -> object:
        list_and_hash = find_photos(str(path.parent), limit=None, seed=0)
        return list_and_hash, SidecarDepth().prepared(photo_of_portrait)

    note = json.dumps({"quantity": "depth", "kind": "metric", "scale": 0.001, "offset": 0.0, "source": "rig"}).encode()
    return [
        *found,
        Parser("depth within a photo", _portraits(), at(scratch / "portrait" / "a.jpg", embedded)),
        Parser("NAME.yaml", (ONNX_NOTE,), at(scratch / "m" / "a.yaml", read_onnx_note), (UserError,)),
        Parser("depth.json", (note,), at(scratch / "n" / "depth.json", read_note), (UserError,)),
    ]


def _portraits() -> tuple[bytes, ...]:
    """Photos whose depth is a small picture, so that much of the damage falls on what says where it is."""
    stored = (slope(24, 32) * 255).astype(np.uint8)
    stated: dict[str, object] = {"Format": "RangeInverse", "Near": 1, "Far": 5, "Units": "m"}
    apple: dict[str, object] = {"AuxiliaryImageType": "disparity", "FloatMinValue": 0.2, "FloatMaxValue": 2}
    photos = [
        portrait.gdepth(stored, stated, jpeg=portrait.photo(64, 64)),
        portrait.gdepth(np.random.default_rng(0).integers(0, 65536, (192, 256), np.uint16), stated),
        portrait.dynamic_depth(stored, stated),
        portrait.apple_jpeg(stored, apple, "absolute"),
    ]
    if find_spec("pillow_heif"):
        photos.append(portrait.heic(stored, xmp=portrait.apple_xmp(apple, "relative")))
    return tuple(photos)


def _lists(scratch: Path) -> list[Parser]:
    rows = [
        {"path": "a.jpg", "license": "MIT", "author": "A, B"},
        {"path": "s3://b/ü.jpg", "license": "", "author": ""},
    ]
    comma = 'path,license,author\na.jpg,MIT,"A, B"\n../ü.jpg,CC0-1.0,\n'.encode()
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    seeds = {"csv": (comma, comma.replace(b",", b";")), "tsv": (comma.replace(b",", b"\t"),), "jsonl": (lines,)}
    seeds["parquet"] = (sink.getvalue(),)
    return [
        Parser(
            f"list .{suffix}",
            contents,
            at(scratch / f"l.{suffix}", lambda p: list(list_photos(str(p), 0))),
            (UserError,),
        )
        for suffix, contents in seeds.items()
    ]


def _shards(scratch: Path) -> list[Parser]:
    sample = make_sample(0)
    fields = encode(sample)
    out = write_data_set(scratch / "set", {"train-000000": 1, "val-000000": 0})
    tar, marker = tar_path(out, "train-000000"), marker_path(out, "train-000000").read_bytes()
    bare = scratch / "bare" / "train-000000.tar"
    empty = write_data_set(scratch / "validated", {"train-000000": 1})
    side = {name: (empty / name).read_bytes() for name in ("index.json", MANIFEST_FILE, "SHA256SUMS", "croissant.json")}

    def field(name: str) -> Callable[[bytes], object]:
        return lambda content: decode(sample.key, {**fields, name: content})

    found = [
        Parser("label json", (fields["json"],), field("json"), (ValueError,)),
        Parser("frame", (fields["frame_01.jpg"],), field("frame_01.jpg"), (ValueError,)),
        Parser("disparity.png", (fields["disparity.png"],), field("disparity.png"), (ValueError,)),
        Parser("marker", (marker,), Marker.from_json, (ValueError,)),
        Parser("tar", (tar.read_bytes(),), at(bare, scan)),
        Parser("tar of samples", (tar.read_bytes(),), at(bare, lambda p: list(read_shards(p))), (ValueError, OSError)),
        Parser("manifest", (side[MANIFEST_FILE],), lambda data: list(ManifestRows(io.BytesIO(data))), (ValueError,)),
    ]
    return [
        *found,
        *(Parser(f"verify {n}", (c,), at(empty / n, lambda _: validate(empty))) for n, c in side.items()),
        *_maps(scratch, fields),
    ]


def _maps(scratch: Path, fields: dict[str, bytes]) -> list[Parser]:
    """Other people's shards, read by `audit --map`."""
    keys = {"photo": "aif.jpg", "disparity": "disparity.png", "frames": "frame_{:02d}.jpg", "labels": "json"}
    field_map = FieldMap(**keys, focus_disparity="focus_disparity", blur_scale="blur_scale_px")
    by_npy = dataclasses.replace(field_map, disparity="d.npy", disparity_quantity="depth")
    text = yaml.safe_dump(dataclasses.asdict(field_map)).encode()
    folder = write_data_set(scratch / "mapped", {"train-000000": 1}) / "shards"
    tar = folder / "train-000000.tar"

    def field(name: str, by: FieldMap = field_map) -> Callable[[bytes], object]:
        def read(content: bytes) -> object:
            sample = by.sample("train-0", "0", {**fields, name: content})
            return [sample.picture(frame) for frame in range(len(sample.lenses))]

        return read

    return [
        Parser(
            "map",
            (text, json.dumps(dataclasses.asdict(field_map)).encode()),
            at(scratch / "map.yaml", FieldMap.from_file),
            (UserError,),
        ),
        Parser("map: labels", (fields["json"],), field("json"), (ValueError,)),
        Parser("map: photo", (fields["aif.jpg"],), field("aif.jpg"), (ValueError,)),
        Parser("map: depth.npy", (_npy(slope(16, 24)),), field("d.npy", by_npy), (ValueError,)),
        Parser("map: depth.png", (fields["disparity.png"],), field("disparity.png"), (ValueError,)),
        Parser("map: tar", (tar.read_bytes(),), at(tar, lambda _: list(read_samples(folder, field_map))), (UserError,)),
        Parser("map: count", (tar.read_bytes(),), at(tar, lambda _: count_samples(folder, field_map)), (UserError,)),
    ]


def _run_files(scratch: Path) -> list[Parser]:
    out = scratch / "run"
    paths = DataSetPaths(out)
    sha256 = "0" * 64
    photo = PhotoSource(sha256[:16], "a.jpg", str(scratch / "a.jpg"), sha256, "", "", "")
    plan = Plan().with_photos(PhotoTable([photo]), np.zeros(1, np.int8), 64)
    rejects = json.dumps(
        {"path": "a", "scene_id": "0", "stage": "photo", "code": "missing", "message": "gone"}
    ).encode()
    settings = settings_to_json({**dataclasses.asdict(StackConfig()), "threads": 1, "image_format": "jpg"})
    run = RunEntry("2026-11-29T00:00:00", 1.5, 1, 1, 0, "inline", "1", "cpu", {"photo": 0.5})
    state = json.dumps(dataclasses.asdict(TrainingState(3, 1, 2))).encode()
    check = Criterion("blur scale", "at most", 0.05, "px").measured(0.01, "as labeled")
    runs = json.dumps(dataclasses.asdict(run)).encode()
    audit = json.dumps({"checks": [check.to_json()]}).encode()
    return [
        Parser("plan.jsonl", (b"".join(plan_lines(plan)),), at(paths.plan, read_plan), (UserError,)),
        Parser("config.json", (settings,), at(paths.fingerprint, read_settings), (ValueError,)),
        Parser("config.json of audit", (settings,), at(paths.fingerprint, lambda _: RenderSettings.read(out))),
        Parser("left_out.jsonl", (rejects,), at(paths.left_out, lambda _: read_left_out(paths)), (UserError,)),
        Parser("rejects.jsonl", (rejects,), at(paths.rejects, lambda _: reject_groups(out))),
        Parser("runs.jsonl", (runs,), at(paths.meta / "runs.jsonl", lambda _: read_runs(paths.meta))),
        Parser("audit.json", (audit,), at(paths.meta / "audit.json", lambda _: read_audit(out))),
        Parser("state.json", (state,), at(out / "state.json", lambda _: read_state(out)), (UserError,)),
    ]
