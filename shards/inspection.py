"""Checks one tar against its marker: completeness, checksums, and agreement of pixels and labels.

A complaint names the sample and field of a damaged byte: crc32 finds it in content, the layout of the tar in headers
and padding.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from .archive import BLOCK_BYTES, Member, ReadableFile, TarDamage, read_members, scan
from .codec import MAX_SAMPLE_BYTES, decode
from .complaint import ALL, Complaint, FieldError
from .foreign_file import foreign_size, local_copy, open_foreign
from .labels import require
from .marker import Marker, SampleRow, check_shard_name
from .record import SampleRecord
from .sample import Sample
from .storage import StoragePath
from .stored_fields import checksum

_CHUNK_BYTES = 1 << 20
TAR = "tar"  # the field of complaints about the file


@dataclass(frozen=True)
class FoundSample:
    """Identity of an undamaged sample, for comparison across shards."""

    key: str
    scene_id: str
    photo_sha256: str


@dataclass(frozen=True)
class Inspection:
    """Content of one tar: number of samples and frames that it names, undamaged samples, and complaints."""

    samples: int
    frames: int
    sound: tuple[FoundSample, ...]
    complaints: tuple[Complaint, ...]


def inspect_shard(tar: StoragePath, marker: Marker | None) -> Inspection:
    """Check one tar. Damage of any kind becomes a complaint, never an exception.

    Args:
        tar: SPLIT-NNNNNN.tar
        marker: its marker; without one, structure, schema and labels are checked, but no checksum.
    """
    try:
        is_right_size = marker is not None and foreign_size(tar) == marker.tar_bytes
        with local_copy(tar) if is_right_size else nullcontext(tar) as near:
            return _inspect(near, tar.stem, marker)
    except OSError as error:  # no permission, a folder, a failing disk
        complaint = Complaint(tar.stem, ALL, TAR, f"must be readable, got {error}")
        return Inspection(0, 0, (), (complaint,))


def _inspect(tar: StoragePath, name: str, marker: Marker | None) -> Inspection:
    complaints = list(_check_file(tar, name, marker))
    members, damage = scan(tar)
    if damage is not None:
        complaints.append(_locate_damage(damage, name, marker.layout() if marker else members, members))
        if marker is not None:  # behind the damage, the marker knows where the rest lies
            members = [member for member in marker.layout() if member.end <= (foreign_size(tar) or 0)]
    complaints += _check_names(name, members)
    if marker is not None:
        complaints += _missing_and_extra(name, members, marker)
    samples = _group(members)
    rows = {row.key: row for row in marker.rows} if marker else {}
    sound: list[FoundSample] = []
    for key, fields in samples.items():
        found, wrong = _check_sample(tar, name, key, fields, rows.get(key), marker)
        complaints += wrong
        if found is not None and not any(complaint.key == key for complaint in complaints):
            sound.append(found)
    frames = sum(field.startswith("frame_") for fields in samples.values() for field in fields)
    return Inspection(len(samples), frames, tuple(sound), tuple(complaints))


def _check_file(tar: StoragePath, name: str, marker: Marker | None) -> Iterator[Complaint]:
    try:
        check_shard_name(name)
    except ValueError as error:
        yield Complaint(name, ALL, TAR, str(error))
    if marker is None:
        return
    size = foreign_size(tar)
    if size != marker.tar_bytes:  # of another size it is not hashed: it may have any
        yield Complaint(name, ALL, TAR, f"must have {marker.tar_bytes} bytes as its marker says, got {size}")
    elif (digest := file_sha256(tar)) != marker.sha256:
        yield Complaint(name, ALL, TAR, f"must have sha256 {marker.sha256} as its marker says, got {digest}")


def file_sha256(path: StoragePath) -> str:
    """sha256 of a file, 64 hex digits."""
    with open_foreign(path) as file:
        return content_sha256(file)


def content_sha256(file: ReadableFile) -> str:
    """The same of an open file, from its beginning."""
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _locate_damage(damage: TarDamage, name: str, layout: Sequence[Member], sound: Sequence[Member]) -> Complaint:
    """Name the sample and field that the damaged byte belongs to: header, content and padding count as the field."""
    for member in layout:
        if member.offset - BLOCK_BYTES <= damage.offset < member.end:
            return Complaint(name, member.key, member.field, str(damage))
    after = f", after {sound[-1].name}" if sound else ""
    return Complaint(name, ALL, TAR, f"{damage}{after}")


def _check_names(name: str, members: Sequence[Member]) -> Iterator[Complaint]:
    seen: set[str] = set()
    last_key = ""
    for member in members:
        if "/" in member.name or not member.field:
            yield Complaint(name, member.key, member.field or ALL, f"must be KEY.FIELD, got {member.name!r}")
        if member.name in seen:
            yield Complaint(name, member.key, member.field, "must be there once, got it twice")
        if member.key < last_key:
            yield Complaint(name, member.key, ALL, f"must stand in ascending order, got it after {last_key}")
        seen.add(member.name)
        last_key = member.key


def _missing_and_extra(name: str, members: Sequence[Member], marker: Marker) -> Iterator[Complaint]:
    there = {(member.key, member.field) for member in members}
    keys = {key for key, _ in there}
    for row in marker.rows:
        if row.key not in keys:
            yield Complaint(name, row.key, ALL, "must be in the tar as its marker says, the whole sample is missing")
            continue
        for field in marker.fields:
            if (row.key, field) not in there:
                yield Complaint(name, row.key, field, "must be in the tar as its marker says, it is missing")
    expected = {(row.key, field) for row in marker.rows for field in marker.fields}
    for key, field in sorted(there - expected):
        yield Complaint(name, key, field, "must not be there: its marker does not know it")


def _group(members: Sequence[Member]) -> dict[str, dict[str, Member]]:
    samples: dict[str, dict[str, Member]] = {}
    for member in members:
        samples.setdefault(member.key, {})[member.field] = member
    return samples


def _check_sample(
    tar: StoragePath, name: str, key: str, members: Mapping[str, Member], row: SampleRow | None, marker: Marker | None
) -> tuple[FoundSample | None, list[Complaint]]:
    try:
        fields = _read(tar, members)
        damaged = list(_damaged_fields(name, fields, row, marker.fields)) if row and marker else []
        if damaged:  # decoding damaged bytes would tell no more
            return None, damaged
        sample = decode(key, fields)
        _check_record(sample, fields, name, row)
        if marker is not None:
            _check_settings(sample.record, marker)
    except FieldError as error:
        return None, [Complaint(name, key, error.field, error.message)]
    record = sample.record
    return FoundSample(key, record.scene_id, record.photo.sha256), []


def _read(tar: StoragePath, members: Mapping[str, Member]) -> dict[str, bytes]:
    """All fields. Raises FieldError where they are more than a sample may hold, before they are read."""
    total = sum(member.size for member in members.values())
    require(ALL, total <= MAX_SAMPLE_BYTES, f"have at most {MAX_SAMPLE_BYTES} bytes together", total)
    contents = read_members(tar, list(members.values()), check_headers=False)  # `scan` has checked them
    return dict(zip(members, contents, strict=True))


def _damaged_fields(
    name: str, fields: Mapping[str, bytes], row: SampleRow, row_fields: Sequence[str]
) -> Iterator[Complaint]:
    for field, size, crc in zip(row_fields, row.sizes, row.crc32, strict=True):
        data = fields.get(field)
        if data is not None and (len(data), checksum(data)) != (size, crc):
            got = f"{len(data)} bytes with {checksum(data)}"
            message = f"must be {size} bytes with crc32 {crc} as its marker says, got {got}"
            yield Complaint(name, row.key, field, message)


def _check_settings(record: SampleRecord, marker: Marker) -> None:
    """Raise FieldError unless the sample was made by the settings that the shard's marker names."""
    if record.renderer.config_sha256 != marker.config_sha256:
        message = f"must be {marker.config_sha256} as its marker says, got {record.renderer.config_sha256}"
        raise FieldError("json.renderer.config_sha256", message)


def _check_record(sample: Sample, fields: Mapping[str, bytes], name: str, row: SampleRow | None) -> None:
    """Raise FieldError unless json is canonical, the split that of the shard, and the marker's row equal."""
    split = name.partition("-")[0]
    if sample.record.split != split:
        raise FieldError("json.split", f"must be {split} in shard {name}, got {sample.record.split}")
    if fields["json"] != sample.record.to_json():
        raise FieldError("json", "must be canonical (sorted keys, no spaces, one way to write a number)")
    if row is not None and row != SampleRow.from_fields(sample.key, fields, sample.record):
        raise FieldError("json", "must say what the marker's row says of it (photo, license, levels, ...)")
