"""The side files of the shards, made from the markers: index.json, manifest.parquet, croissant.json, SHA256SUMS.

`index.json` is a superset of a wids index (`wids_version` 1, `shardlist` of url and nsamples), with sha256, size,
split and counts. `manifest.parquet` has one row a sample. `sha256sum -c SHA256SUMS` works in the data set's folder.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from .croissant import CROISSANT_FILE, encode_croissant
from .durable import TEMPORARY_PATTERN, open_durably, write_durably
from .inspection import content_sha256
from .manifest import MANIFEST_FILE, ManifestWriter
from .marker import Marker, check_shard_name, complete_marker
from .record import SCHEMA_VERSION, SPLITS
from .storage import StoragePath, is_local
from .summary import DataSetSummary, ShardEntry

INDEX_FILE = "index.json"
CHECKSUM_FILE = "SHA256SUMS"


def marked_shards(out: StoragePath) -> list[str]:
    """Names of the shards that have a marker, sorted; other files are ignored."""
    return sorted(path.stem for path in (out / ".meta").glob("*.json") if _is_shard_name(path.stem))


def write_index(out: StoragePath, on_marker: Callable[[Marker], None] = lambda _: None) -> DataSetSummary:
    """Write index.json, manifest.parquet, croissant.json and SHA256SUMS; the same markers give the same bytes.

    Args:
        out: the data set's folder.
        on_marker: called with each marker as it passes by: they are read once, and not kept.

    Returns:
        What the markers say together.

    Raises:
        ValueError: a marked shard is not complete, shards were made by different settings, or there is no marker.
        OSError: as the system raised it.
    """
    names = marked_shards(out)
    if not names:
        raise ValueError(f"{out} must hold finished shards, got no marker in {out / '.meta'}: run render first")
    summary = DataSetSummary()
    with open_durably(out / MANIFEST_FILE) as file:
        with ManifestWriter(file) as manifest:
            for name in names:
                marker = complete_marker(out, name)
                if marker is None:
                    raise ValueError(f"shard {name} must be complete, got a tar or marker that is not: render it again")
                for use in (summary.add, manifest.add, on_marker):
                    use(marker)
        if other := summary.of_other_settings:
            raise ValueError(f"shards must be made by one configuration, got another one in {', '.join(other)}")
        manifest_sha256 = content_sha256(file)
    sums = {MANIFEST_FILE: manifest_sha256}
    described = encode_croissant(summary, manifest_sha256, MANIFEST_FILE)
    for file_name, data in ((INDEX_FILE, encode_index(build_index(summary))), (CROISSANT_FILE, described)):
        write_durably(out / file_name, data)
        sums[file_name] = hashlib.sha256(data).hexdigest()
    write_durably(out / CHECKSUM_FILE, encode_checksums(summary, sums))
    return summary


def build_index(summary: DataSetSummary) -> dict[str, Any]:
    """The content of index.json. Shards without samples have no tar and stand under `empty_shards`."""
    full = summary.full
    return {
        "wids_version": 1,
        "schema_version": summary.entries[0].schema_version if summary.entries else SCHEMA_VERSION,
        "config_sha256": summary.config_sha256,
        "shardlist": [_shard_entry(entry) for entry in full],
        "fields": list(full[0].fields) if full else [],
        "empty_shards": [entry.name for entry in summary.entries if not entry.samples],
        "splits": {split: summary.counts(split) for split in SPLITS},
        **summary.counts(),
    }


def encode_index(index: dict[str, Any]) -> bytes:
    """The bytes of index.json, to be read by people too: sorted keys, two spaces."""
    return (json.dumps(index, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def encode_checksums(summary: DataSetSummary, sums: Mapping[str, str]) -> bytes:
    """SHA256SUMS for the tars and for side files with these sums, in the form `sha256sum -c` reads."""
    lines = {f"shards/{entry.name}.tar": entry.sha256 for entry in summary.full} | dict(sums)
    return "".join(f"{lines[name]}  {name}\n" for name in sorted(lines)).encode("ascii")


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


def _shard_entry(entry: ShardEntry) -> dict[str, Any]:
    return {
        "url": f"shards/{entry.name}.tar",
        "nsamples": entry.samples,
        "filesize": entry.tar_bytes,
        "sha256": entry.sha256,
        "split": entry.split,
        "frames": entry.frames,
    }
