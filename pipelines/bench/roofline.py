"""What a stack asks of the machine, and the least time that the machine could do it in.

Every tensor operation of a stack is counted as torch runs it: the bytes that it reads and writes, and of the Fourier
transforms the arithmetic, 5 N log2 n for N points in complex transforms of n, half of it where one side is real (the
usual count of the field, Frigo & Johnson 2005). The rates are measured here: transforms of one size in a batch that
stays in the caches, sums over arrays that stay there too, and over arrays that do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pipelines.bench.renderers import STACK, RendererRow
from pipelines.bench.subject import PhotoLike, lenses_through
from pipelines.bench.timing import Contender, interleaved
from simulator import Scene

_TRANSFORM_SIDE = 576
_CACHED_BYTES, _STREAMED_BYTES = 256 << 10, 128 << 20
_NO_TRAFFIC = ("aten::empty", "aten::detach", "aten::_local_scalar_dense")


@dataclass(frozen=True)
class Rates:
    """What the machine does at best: bytes a second read and written, operations a second of transforms."""

    cached_bytes_per_s: float
    streamed_bytes_per_s: float
    transform_flops_per_s: float

    @property
    def bytes_per_s(self) -> float:
        """The higher of the two: on a GPU, small arrays are done before the next is launched."""
        return max(self.cached_bytes_per_s, self.streamed_bytes_per_s)


@dataclass(frozen=True)
class Roofline:
    """A frame of a stack, set-up shared: what it needs, the least time for it, and the share of the time taken.

    bytes_ms takes the highest rate, mostly that of the caches. It and transforms_ms are added up, as they take turns.
    """

    side_px: int
    max_radius_px: int
    bytes_a_frame: float
    transform_flops_a_frame: float
    operations_a_frame: float
    bytes_ms: float
    transforms_ms: float
    took_ms: float

    @property
    def floor_ms(self) -> float:
        return self.bytes_ms + self.transforms_ms

    @property
    def share(self) -> float:
        """Of the time taken; 1 leaves nothing to win but by doing less."""
        return self.floor_ms / self.took_ms


class Ledger(TorchDispatchMode):
    """While it is entered: bytes read and written outside of transforms, their arithmetic, and operations counted."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes, self.transform_flops, self.operations = 0, 0.0, 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.is_view or func.name().startswith(_NO_TRAFFIC):
            return result
        self.operations += 1
        if func.name().startswith("aten::_fft"):
            self.transform_flops += _transform_flops(args[0], result, args[1])
        else:
            distinct = {id(leaf): leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)}
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in distinct.values())
        return result


def rooflines(photos: Mapping[int, PhotoLike], rows: Sequence[RendererRow], rates: Rates) -> list[Roofline]:
    """Of every stack that was measured."""
    found = []
    for row in (row for row in rows if row.method == STACK):
        photo = photos[row.side_px]
        lenses = lenses_through(photo.disparity, row.max_radius_px, row.frames)
        with Ledger() as ledger:
            Scene.from_rgbd(photo.image, photo.disparity, max_radius_px=float(row.max_radius_px)).render(lenses)
        size, flops = ledger.bytes / row.frames, ledger.transform_flops / row.frames
        found.append(
            Roofline(
                side_px=row.side_px,
                max_radius_px=row.max_radius_px,
                bytes_a_frame=size,
                transform_flops_a_frame=flops,
                operations_a_frame=ledger.operations / row.frames,
                bytes_ms=1e3 * size / rates.bytes_per_s,
                transforms_ms=1e3 * flops / rates.transform_flops_per_s,
                took_ms=row.ms.median_ms,
            )
        )
    return found


def machine_rates(device: str, repeats: int) -> Rates:
    """Measured; the least time of the repeats counts, as it is what the machine can do."""
    spectrum = torch.randn(_TRANSFORM_SIDE // 2, _TRANSFORM_SIDE, dtype=torch.complex64, device=device)
    flops = 5.0 * spectrum.numel() * math.log2(_TRANSFORM_SIDE)
    cached, streamed = (torch.ones(size // 4, device=device) for size in (_CACHED_BYTES, _STREAMED_BYTES))
    contenders = {
        "cached": Contender(_repeated(lambda: torch.add(cached, 1.0, out=cached), 400), 400),
        "streamed": Contender(_repeated(lambda: torch.add(streamed, 1.0, out=streamed), 2), 2),
        "transform": Contender(_repeated(lambda: torch.fft.ifft(spectrum, norm="forward"), 20), 20),
    }
    least_s = {name: 1e-3 * t.least_ms for name, t in interleaved(contenders, repeats, device=device).items()}
    return Rates(
        cached_bytes_per_s=2 * _CACHED_BYTES / least_s["cached"],
        streamed_bytes_per_s=2 * _STREAMED_BYTES / least_s["streamed"],
        transform_flops_per_s=flops / least_s["transform"],
    )


def _repeated(run: Callable[[], object], times: int) -> Callable[[], None]:
    def many() -> None:
        for _ in range(times):
            run()

    return many


def _transform_flops(before: Tensor, after: Tensor, axes: Sequence[int]) -> float:
    is_complex = before.is_complex() and after.is_complex()
    longer = after if after.numel() > before.numel() else before
    lengths = math.prod(longer.shape[axis] for axis in axes)
    return (5.0 if is_complex else 2.5) * longer.numel() * math.log2(lengths)
