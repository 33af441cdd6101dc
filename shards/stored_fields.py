"""The fields of one sample in a tar, read when they are looked up: a trainer that needs three frames of twelve reads
three."""

import zlib
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence

from .archive import Member, read_members
from .complaint import FieldError
from .storage import StoragePath


class StoredFields(Mapping[str, bytes]):
    """The fields of one sample in a tar; each is read from the disk or the store when it is looked up.

    Args:
        tar: where they lie.
        members: of this sample.
        crc32: of each member; what is read must have it. None: contents are not checked.

    Raises FieldError on construction if a member appears twice.
    """

    def __init__(self, tar: StoragePath, members: Sequence[Member], crc32: Sequence[str] | None = None) -> None:
        self._tar = tar
        self._members = {member.field: member for member in members}
        self._crc32 = dict(zip((member.field for member in members), crc32, strict=True)) if crc32 else {}
        if len(self._members) < len(members):
            fields = [member.field for member in members]
            raise FieldError(
                next(field for field in fields if fields.count(field) > 1), "must be there once, got it twice"
            )

    def read(self, names: Iterable[str]) -> dict[str, bytes]:
        """Several fields at once, which takes fewer reads than one after the other.

        Raises FieldError: a field that is damaged, or not what its crc32 says.
        """
        members = [self._members[name] for name in names]
        contents = {member.field: data for member, data in zip(members, read_members(self._tar, members), strict=True)}
        for field, crc32 in self._crc32.items():
            if field in contents and checksum(contents[field]) != crc32:
                message = f"must have crc32 {crc32} as the shard's marker says, got {checksum(contents[field])}"
                raise FieldError(field, message, self._members[field].key)
        return contents

    def size(self, field: str) -> int:
        """Bytes of a field, without reading it."""
        return self._members[field].size

    def items(self) -> ItemsView[str, bytes]:
        """All of them, read at once."""
        return self.read(self).items()

    def __getitem__(self, field: str) -> bytes:
        return self.read([field])[field]

    def __contains__(self, field: object) -> bool:
        return field in self._members  # without reading it

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


def read_fields(fields: Mapping[str, bytes], names: Iterable[str]) -> dict[str, bytes]:
    """Some of a sample's fields, by as few reads as possible where they are stored. Raises as `StoredFields.read`."""
    return fields.read(names) if isinstance(fields, StoredFields) else {name: fields[name] for name in names}


def field_bytes(fields: Mapping[str, bytes], name: str) -> int:
    """Size of a field, without reading it where it is stored."""
    return fields.size(name) if isinstance(fields, StoredFields) else len(fields[name])


def checksum(data: bytes) -> str:
    """crc32 as 8 hex digits: finds the damaged field; the shard's sha256 guards against intent."""
    return f"{zlib.crc32(data):08x}"
