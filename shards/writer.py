"""Writes one shard: equal input gives equal bytes; temporary name, fsync, rename, and the marker last."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from types import TracebackType
from typing import IO

from .codec import check_fields, decode_record
from .complaint import FieldError
from .durable import Draft, sync_folder
from .marker import EMPTY_SHA256, Marker, SampleRow, check_shard_name, marker_path, tar_path, write_marker
from .sample import check_key
from .storage import StoragePath, storage_path

# Everything in a tar header that is not name and size is fixed, so that bytes depend on nothing else.
_OWNER = "refocus-foundry"


class _HashedFile:
    """A writable file that counts and hashes the bytes written."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.digest, self.bytes = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self.file.write(data)
        self.digest.update(data)
        self.bytes += len(data)
        return len(data)


class ShardWriter:
    """Writes OUT/shards/NAME.tar, then its marker OUT/.meta/NAME.json.

    A context manager: leaving it normally finishes the shard; leaving it by an exception removes the temporary and
    touches nothing else. `marker` holds what was written, once finished. A shard without samples gets a marker and
    no tar, so that a plan can tell "empty" from "not done".

        with ShardWriter(out, "train-000000") as shard:
            shard.add(sample.key, encode(sample))

    Args:
        out: folder of the data set; made if it is not there.
        name: SPLIT-NNNNNN, such as `train-000012`.
        config_sha256: the label `renderer.config_sha256` that every sample must carry; a shard without samples gets it,
            too. "": that of the first sample.

    Raises:
        ValueError: for a name of another form.
        OSError: as the system raised it (disk full: ENOSPC), with the temporary removed.
    """

    def __init__(self, out: StoragePath, name: str, config_sha256: str = "") -> None:
        self.split = check_shard_name(name)
        self._config_sha256 = config_sha256
        self.out, self.name = storage_path(out), name
        self.marker: Marker | None = None
        self._rows: list[SampleRow] = []
        self._fields: tuple[str, ...] = ()
        self._draft: Draft | None = None

    def __enter__(self) -> ShardWriter:
        import webdataset  # brings torch along, which costs every reader of `shards` seconds

        for folder in (tar_path(self.out, self.name).parent, marker_path(self.out, self.name).parent):
            folder.mkdir(parents=True, exist_ok=True)
        self._draft = Draft(tar_path(self.out, self.name))
        self._hashed = _HashedFile(self._draft.file)
        self._tar = webdataset.TarWriter(
            self._hashed, user=_OWNER, group=_OWNER, mode=0o0444, mtime=0, encoder=False, compress=False
        )
        return self

    def add(self, key: str, fields: Mapping[str, bytes]) -> None:
        """Append one sample, as the fields that `shards.encode` returned.

        Raises:
            FieldError: a key that is not eight digits or not above the last one, fields other than those of the
                first sample, a json that is not a sound SampleRecord of this split.
            OSError: the disk is full, ...
        """
        if self._draft is None:
            raise ValueError(f"shard {self.name} must be open to add {key}: use it in a with statement")
        row = self._checked_row(key, fields)
        self._tar.write({"__key__": key, **{name: bytes(fields[name]) for name in self._fields}})
        self._rows.append(row)

    def _checked_row(self, key: str, fields: Mapping[str, bytes]) -> SampleRow:
        check_key(key)
        if self._rows and key <= self._rows[-1].key:
            raise FieldError("key", f"must be above the last one, {self._rows[-1].key}, got {key}")
        try:
            record = decode_record(fields)
            expected = tuple(sorted(check_fields(fields, record)))
            if self._fields not in ((), expected):
                raise FieldError("*", f"must be those of the first sample {self._fields}, got {expected}")
            if record.split != self.split:
                raise FieldError("json.split", f"must be {self.split} in shard {self.name}, got {record.split}")
            made_by = record.renderer.config_sha256
            if made_by != (self._config_sha256 or made_by):
                message = f"must be {self._config_sha256}, that of the shard's other samples, got {made_by}"
                raise FieldError("json.renderer.config_sha256", message)
        except FieldError as error:
            raise error.within("", key) from None
        self._fields, self._config_sha256 = expected, made_by
        return SampleRow.from_fields(key, fields, record)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            self._drop()

    def _finish(self) -> None:
        assert self._draft is not None, "left before it was entered"
        self._tar.close()
        self._draft.sync()
        marker = self._describe()
        self._publish(self._draft, marker)
        self.marker = marker

    def _drop(self) -> None:
        draft, self._draft = self._draft, None
        with contextlib.suppress(OSError):  # closing writes what is left: on a full disk it fails a second time
            self._tar.close()
        if draft is not None:
            draft.close()

    def _publish(self, draft: Draft, marker: Marker) -> None:
        tar, old_marker = tar_path(self.out, self.name), marker_path(self.out, self.name)
        if old_marker.exists():  # of an earlier run: it must not describe the new tar
            old_marker.unlink()
            sync_folder(old_marker.parent)
        try:
            if marker.samples:
                draft.publish()
            else:
                tar.unlink(missing_ok=True)
            write_marker(self.out, marker)
        except BaseException:
            tar.unlink(missing_ok=True)  # without a marker the shard is not finished
            raise

    def _describe(self) -> Marker:
        return Marker(
            name=self.name,
            split=self.split,
            tar_bytes=self._hashed.bytes if self._rows else 0,
            sha256=self._hashed.digest.hexdigest() if self._rows else EMPTY_SHA256,
            config_sha256=self._config_sha256,
            samples=len(self._rows),
            frames=sum(row.planes * row.levels for row in self._rows),
            members=len(self._rows) * len(self._fields),
            fields=self._fields,
            rows=tuple(self._rows),
        )
