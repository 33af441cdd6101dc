"""A cache of spectra that is bounded by bytes: the least recently used spectrum is evicted first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

from torch import Tensor


class SpectrumCache:
    """Tensors by key; all together take at most `most_bytes`.

    A tensor that a caller still holds stays alive after its eviction. Raises ValueError for a negative bound.
    """

    def __init__(self, most_bytes: int) -> None:
        if most_bytes < 0:
            raise ValueError(f"most_bytes must be >= 0, got {most_bytes}")
        self._most_bytes, self._bytes = most_bytes, 0
        self._tensors: OrderedDict[Hashable, Tensor] = OrderedDict()
        self._lock = Lock()

    @property
    def total_bytes(self) -> int:
        """Bytes of all tensors in the cache."""
        return self._bytes

    def get(self, key: Hashable, compute: Callable[[], Tensor]) -> Tensor:
        """The tensor of this key; computed, and stored where it fits the bound, if it is not in the cache."""
        with self._lock:
            if key in self._tensors:
                self._tensors.move_to_end(key)
                return self._tensors[key]
        tensor = compute()
        with self._lock:
            if key not in self._tensors:
                self._tensors[key] = tensor
                self._bytes += tensor.nbytes
            while self._bytes > self._most_bytes:
                _, evicted = self._tensors.popitem(last=False)
                self._bytes -= evicted.nbytes
        return tensor
