"""croissant.json: the data set described for machines, in MLCommons' Croissant 1.0 (mlcommons.org/croissant/1.0).

Every tar with its SHA-256; the manifest as a table of records; photo and labels of each sample out of the tars, joined
by key. Paths are relative to the folder that holds the description.
"""

import json
import typing
from collections.abc import Iterable, Sequence
from typing import Any

from .licenses import OTHER, summarize_licenses
from .marker import SampleRow
from .summary import DataSetSummary, ShardEntry

CROISSANT_FILE = "croissant.json"
CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
_TERMS = (
    "citeAs", "column", "extract", "field", "fileObject", "fileProperty", "fileSet", "format", "includes",
    "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated",
    "replace", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT = {
    **{term: f"cr:{term}" for term in _TERMS},
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
}
_MANIFEST_ID = "manifest"
_KINDS = {str: "sc:Text", int: "sc:Integer", float: "sc:Float"}
_LICENSE_URL = "https://spdx.org/licenses/"


def encode_croissant(summary: DataSetSummary, manifest_sha256: str, manifest_name: str) -> bytes:
    """The bytes of croissant.json; equal shards and manifest give equal bytes. `manifest_name` is its path."""
    full = summary.full
    licenses = summarize_licenses(summary)
    described = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": "focal-stacks-with-focus-and-blur-labels",
        "description": (
            f"{summary.samples} all-in-focus photos, their disparity, and a focal stack rendered from each with a thin "
            "lens, annotated with focus point, plane and blur level. Made by refocus-foundry; the blur is synthetic. "
            + " ".join(licenses.warnings)
        ).strip(),
        "license": licenses.name if licenses.name == OTHER else f"{_LICENSE_URL}{next(iter(licenses.photos))}",
        "keywords": ["refocusing", "bokeh", "focal stack", "depth of field"],
        "isLiveDataset": False,
        "distribution": [
            _file(_MANIFEST_ID, manifest_name, "application/x-parquet", manifest_sha256),
            *map(_tar_file, full),
            *_member_sets(full),
        ],
        "recordSet": [_manifest_records(), *_sample_records(full)],
    }
    return (json.dumps(described, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _file(name: str, path: str, kind: str, sha256: str) -> dict[str, Any]:
    identity = {"@type": "cr:FileObject", "@id": name, "name": name}
    return identity | {"contentUrl": path, "encodingFormat": kind, "sha256": sha256}


def _tar_file(entry: ShardEntry) -> dict[str, Any]:
    size = {"contentSize": f"{entry.tar_bytes} B"}
    return _file(entry.name, f"shards/{entry.name}.tar", "application/x-tar", entry.sha256) | size


def _member_sets(shards: Sequence[ShardEntry]) -> list[dict[str, Any]]:
    """The sets of photo files and of label files in the tars."""
    if not shards:
        return []
    tars = [{"@id": entry.name} for entry in shards]
    kinds = {"photo-files": (f"*.{_photo_field(shards)}", "image/*"), "label-files": ("*.json", "application/json")}
    return [
        {
            "@type": "cr:FileSet",
            "@id": name,
            "name": name,
            "containedIn": tars,
            "includes": pattern,
            "encodingFormat": kind,
        }
        for name, (pattern, kind) in kinds.items()
    ]


def _photo_field(shards: Sequence[ShardEntry]) -> str:
    return next(field for field in shards[0].fields if field.startswith("aif."))


def _manifest_records() -> dict[str, Any]:
    """The records of samples, one for each row of the manifest."""
    kinds = {"shard": str, "split": str} | typing.get_type_hints(SampleRow)
    manifest = {"fileObject": {"@id": _MANIFEST_ID}}
    columns = {name: _KINDS[kind] for name, kind in kinds.items() if kind in _KINDS}
    fields = [(name, kind, manifest | {"extract": {"column": name}}) for name, kind in columns.items()]
    return _record_set("samples", fields)


def _sample_records(shards: Sequence[ShardEntry]) -> list[dict[str, Any]]:
    """The records of photos and of labels, read from the tars."""
    return [
        _member_records("photos", "photo-files", "photo", "sc:ImageObject"),
        _member_records("labels", "label-files", "json", "sc:Text"),
    ] * bool(shards)


def _member_records(name: str, files: str, content: str, kind: str) -> dict[str, Any]:
    source = {"fileSet": {"@id": files}}
    key = {"extract": {"fileProperty": "filename"}, "transform": {"regex": r"^([0-9]{8})\."}}
    value = {"extract": {"fileProperty": "content"}}
    return _record_set(name, [("key", "sc:Text", source | key), (content, kind, source | value)])


def _record_set(name: str, fields: Iterable[tuple[str, str, dict[str, Any]]]) -> dict[str, Any]:
    """Records with these fields (name, data type, source); `key` is their key."""
    described = [
        {"@type": "cr:Field", "@id": f"{name}/{field}", "name": field, "dataType": kind, "source": source}
        for field, kind, source in fields
    ]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "key": {"@id": f"{name}/key"}, "field": described}
