"""Samples that appear twice in a data set: no key, no scene and no photo may, least of all in two splits."""

import hashlib
from array import array
from collections.abc import Iterator, Sequence

import numpy as np

from .complaint import Complaint
from .inspection import FoundSample

_FIELDS = {"key": "*", "scene_id": "json.scene_id", "photo_sha256": "json.photo.sha256"}
_SEPARATOR = "\0"


class Identities:
    """Identities of all samples, in about 140 bytes a sample: one text a shard, and a hash of each identity."""

    def __init__(self) -> None:
        self._shards: list[tuple[str, str]] = []
        self._hashes = {name: array("Q") for name in _FIELDS}

    def add(self, shard: str, samples: Sequence[FoundSample]) -> None:
        """Remember the samples of one shard."""
        texts = [getattr(sample, name) for sample in samples for name in _FIELDS]
        self._shards.append((shard, _SEPARATOR.join(texts)))
        for name, hashes in self._hashes.items():
            hashes.extend(_hash(getattr(sample, name)) for sample in samples)

    def repeated(self) -> Iterator[Complaint]:
        """A complaint about every sample whose key, scene or photo another one before it has."""
        for column, (name, hashes) in enumerate(self._hashes.items()):
            values, counts = np.unique(np.frombuffer(hashes, np.uint64), return_counts=True)
            several = set(values[counts > 1].tolist())
            first: dict[str, tuple[str, str]] = {}
            for shard, key, value in self._column(column) if several else ():
                if _hash(value) not in several or first.setdefault(value, (shard, key)) == (shard, key):
                    continue
                other, other_key = first[value]
                splits = other.partition("-")[0], shard.partition("-")[0]
                also = f" of another split ({splits[0]} and {splits[1]})" if splits[0] != splits[1] else ""
                message = f"{name} {value} must appear once, got it also in {other} {other_key}{also}"
                yield Complaint(shard, key, _FIELDS[name], message)

    def _column(self, column: int) -> Iterator[tuple[str, str, str]]:
        """Shard, key and one identity of every sample."""
        for shard, text in self._shards:
            texts = text.split(_SEPARATOR) if text else []
            yield from ((shard, texts[i], texts[i + column]) for i in range(0, len(texts), len(_FIELDS)))


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
