"""The footer of a Parquet file: how many values each column has in each group of rows, and what they unpack to.

pyarrow's own view of it ends the process on some damaged footers, since its C++ exceptions have no way out there. So
the few numbers that must be known before anything is read are taken from the bytes: Thrift's compact protocol, structs
as dicts by the numbers of their fields (github.com/apache/parquet-format, parquet.thrift).
"""

import os
from collections.abc import Iterator
from io import BufferedIOBase
from typing import Any, NamedTuple

_MAGIC = b"PAR1"
_MAX_FOOTER_BYTES = 64 << 20
_MAX_DEPTH = 32
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_INTEGERS = 4, 5, 6


class ColumnChunk(NamedTuple):
    """A column within one group of rows: its path, the rows of the group, its values, and their bytes unpacked."""

    path: str
    rows: int
    values: int
    unpacked_bytes: int


def column_chunks(file: BufferedIOBase) -> Iterator[ColumnChunk]:
    """Every column of every group of rows. Raises ValueError for damaged bytes."""
    try:
        for group in _Thrift(_footer(file)).value(_STRUCT).get(4, []):
            for chunk in group[1]:
                column = chunk[3]
                yield ColumnChunk(b".".join(column[3]).decode(errors="replace"), group[3], column[5], column[6])
    except (IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"its footer is damaged ({type(error).__name__})") from error


def _footer(file: BufferedIOBase) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 8))
    end = file.read(8)
    length = int.from_bytes(end[:4], "little")
    if end[4:] != _MAGIC or not 0 < length <= min(size - 8, _MAX_FOOTER_BYTES):
        raise ValueError("it has no Parquet footer")
    file.seek(size - 8 - length)
    return file.read(length)


class _Thrift:
    """Values of the compact protocol, one after the other."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def value(self, kind: int, depth: int = 0) -> Any:
        """The next value of a kind."""
        if depth > _MAX_DEPTH:
            raise ValueError("its footer is nested too deeply")
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind in _INTEGERS:
            number = self._varint()
            return (number >> 1) ^ -(number & 1)
        if kind in (_BYTE, _DOUBLE, _BINARY):
            return self._bytes(self._varint() if kind == _BINARY else 8 if kind == _DOUBLE else 1)
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind == _MAP:
            return self._map(depth)
        if kind == _STRUCT:
            return self._struct(depth)
        raise ValueError(f"its footer has a value of kind {kind}")

    def _struct(self, depth: int) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while head := self._bytes(1)[0]:
            number = number + (head >> 4) if head >> 4 else self.value(_INTEGERS[0])
            fields[number] = self.value(head & 15, depth + 1)
        return fields

    def _list(self, depth: int) -> list[Any]:
        head = self._bytes(1)[0]
        count, kind = head >> 4, head & 15
        return [self._item(kind, depth) for _ in range(self._varint() if count == 15 else count)]

    def _map(self, depth: int) -> list[Any]:
        count = self._varint()
        kinds = self._bytes(1)[0] if count else 0
        return [(self._item(kinds >> 4, depth), self._item(kinds & 15, depth)) for _ in range(count)]

    def _item(self, kind: int, depth: int) -> Any:
        """A value in a list or map, where truth values take a byte."""
        return self.value(_BYTE if kind in (_TRUE, _FALSE) else kind, depth + 1)

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._bytes(1)[0]
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number
            if shift > 63:
                raise ValueError("its footer has a number of more than 64 bits")

    def _bytes(self, count: int) -> bytes:
        piece = self._content[self._at : self._at + count]
        if len(piece) < count:
            raise ValueError("its footer ends too early")
        self._at += count
        return piece
