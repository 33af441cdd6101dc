"""The side files of the shards, made from the markers: index.json, manifest.parquet, croissant.json, SHA256SUMS.

`index.json` is a superset of a wids index (`wids_version` 1, `shardlist` of url and nsamples), with sha256, size,
split and counts. `manifest.parquet` has one row a sample. `sha256sum -c SHA256SUMS` works in the data set's folder.
"""

import hashlib
import io
import json
import typing
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .croissant import CROISSANT_FILE, encode_croissant
from .durable import TEMPORARY_PATTERN, write_durably
from .marker import Marker, SampleRow, check_shard_name, complete_marker
from .record import SCHEMA_VERSION, SPLITS
from .storage import StoragePath, is_local

INDEX_FILE = "index.json"
MANIFEST_FILE = "manifest.parquet"
CHECKSUM_FILE = "SHA256SUMS"

_ARROW_KINDS = {str: pa.string(), int: pa.int64(), float: pa.float64()}
_NOT_IN_MANIFEST = ("sizes", "crc32")


def marked_shards(out: StoragePath) -> list[str]:
    """Names of the shards that have a marker, sorted; other files are ignored."""
    return sorted(path.stem for path in (out / ".meta").glob("*.json") if _is_shard_name(path.stem))


def write_index(out: StoragePath) -> dict[str, Any]:
    """Write index.json, manifest.parquet and SHA256SUMS from the markers; the same markers give the same bytes.

    Returns:
        The content of index.json.

    Raises:
        ValueError: a marked shard is not complete, shards were made by different settings, or there is no marker.
        OSError: as the system raised it.
    """
    names = marked_shards(out)
    if not names:
        raise ValueError(f"{out} must hold finished shards, got no marker in {out / '.meta'}: run render first")
    markers: list[Marker] = []
    for name in names:
        marker = complete_marker(out, name)
        if marker is None:
            raise ValueError(f"shard {name} must be complete, got a tar or marker that is not: render it again")
        markers.append(marker)
    if other := of_other_settings(markers):
        raise ValueError(f"shards must be made by one configuration, got another one in {', '.join(other)}")
    files = side_files(markers)
    for file_name, data in files.items():
        write_durably(out / file_name, data)
    write_durably(out / CHECKSUM_FILE, encode_checksums(markers, files))
    return build_index(markers)


def of_other_settings(markers: Sequence[Marker]) -> list[str]:
    """Names of the shards that were not made by the settings of the first one."""
    made = [marker for marker in markers if marker.config_sha256]
    return [marker.name for marker in made if marker.config_sha256 != made[0].config_sha256]


def side_files(markers: Sequence[Marker]) -> dict[str, bytes]:
    """Name and content of every side file but SHA256SUMS."""
    manifest = encode_manifest(markers)
    return {
        INDEX_FILE: encode_index(build_index(markers)),
        MANIFEST_FILE: manifest,
        CROISSANT_FILE: encode_croissant(markers, manifest, MANIFEST_FILE),
    }


def build_index(markers: Sequence[Marker]) -> dict[str, Any]:
    """The content of index.json. Shards without samples have no tar and stand under `empty_shards`."""
    full = [marker for marker in markers if marker.samples]
    return {
        "wids_version": 1,
        "schema_version": SCHEMA_VERSION,
        "config_sha256": next((marker.config_sha256 for marker in markers if marker.config_sha256), ""),
        "shardlist": [_shard_entry(marker) for marker in full],
        "fields": list(full[0].fields) if full else [],
        "empty_shards": [marker.name for marker in markers if not marker.samples],
        "splits": {split: _counts([m for m in full if m.split == split]) for split in SPLITS},
        **_counts(full),
    }


def encode_index(index: dict[str, Any]) -> bytes:
    """The bytes of index.json, to be read by people too: sorted keys, two spaces."""
    return (json.dumps(index, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def manifest_rows(markers: Sequence[Marker]) -> list[dict[str, Any]]:
    """The rows of the manifest, one for each sample, by shard and key."""
    return [
        {"shard": marker.name, "split": marker.split} | {name: _plain(getattr(row, name)) for name in _row_kinds()}
        for marker in markers
        for row in marker.rows
    ]


def encode_manifest(markers: Sequence[Marker]) -> bytes:
    """The bytes of manifest.parquet, which also depend on the version of pyarrow."""
    columns = {"shard": str, "split": str} | _row_kinds()
    schema = pa.schema([(name, _arrow_kind(kind)) for name, kind in columns.items()])
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(manifest_rows(markers), schema=schema), sink, compression="zstd")
    return sink.getvalue()


def read_manifest(data: bytes) -> list[dict[str, Any]]:
    """The rows of a manifest. Raises ValueError on anything else."""
    try:
        # From an Arrow buffer and in this thread: Arrow threads that read a Python file abort an interpreter that ends.
        table = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False).read(use_threads=False)
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows
    except Exception as error:  # pyarrow raises a dozen kinds of its own on damaged bytes, OSError among them
        raise ValueError(f"{MANIFEST_FILE} must be a Parquet file, got damaged bytes: {error}") from error


def encode_checksums(markers: Sequence[Marker], files: dict[str, bytes]) -> bytes:
    """SHA256SUMS for the tars and these side files, in the form `sha256sum -c` reads."""
    sums = {f"shards/{marker.name}.tar": marker.sha256 for marker in markers if marker.samples}
    sums |= {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode("ascii")


def remove_stale_temporaries(out: StoragePath) -> list[StoragePath]:
    """Remove the temporaries of writers that died, and return them; call it before any writer starts."""
    stale = find_temporaries(out)
    for path in stale:
        path.unlink(missing_ok=True)
    return stale


def find_temporaries(out: StoragePath) -> list[StoragePath]:
    """Temporary files in the folders of a data set, sorted."""
    folders = (out, out / "shards", out / ".meta") if is_local(out) else ()  # object stores show none
    return sorted(path for folder in folders for path in folder.glob(TEMPORARY_PATTERN) if path.is_file())


def _is_shard_name(name: str) -> bool:
    try:
        check_shard_name(name)
    except ValueError:
        return False
    return True


def _shard_entry(marker: Marker) -> dict[str, Any]:
    return {
        "url": f"shards/{marker.name}.tar",
        "nsamples": marker.samples,
        "filesize": marker.tar_bytes,
        "sha256": marker.sha256,
        "split": marker.split,
        "frames": marker.frames,
    }


def _counts(markers: Sequence[Marker]) -> dict[str, int]:
    return {
        "shards": len(markers),
        "samples": sum(marker.samples for marker in markers),
        "frames": sum(marker.frames for marker in markers),
    }


def _row_kinds() -> dict[str, Any]:
    return {name: k for name, k in typing.get_type_hints(SampleRow).items() if name not in _NOT_IN_MANIFEST}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _arrow_kind(kind: Any) -> Any:
    if typing.get_origin(kind) is tuple:
        return pa.list_(_ARROW_KINDS[typing.get_args(kind)[0]])
    return _ARROW_KINDS[kind]
