"""The Triton kernels against their twins in torch: the same numbers, and how much faster. In miniature, interpreted."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import torch
from torch import Tensor

from pipelines.bench.report import NotRun
from pipelines.bench.subject import lenses_through, photo_like, sampled
from pipelines.bench.timing import interleaved
from pipelines.gpu.measured import Measured
from simulator.reference import scatter as reference
from simulator.scatter.inner_spectrum import cropped
from simulator.scatter.spot_spectra import SpotMix
from simulator.scatter.spread_bin import SpreadBin
from simulator.scatter.spread_sum import spread_sum_by_torch

ROUNDING = 1e-5  # of the largest value
SpreadArguments = tuple[Sequence[Sequence[SpreadBin]], slice, slice, int]
SpreadSum = Callable[[Sequence[Sequence[SpreadBin]], slice, slice, int], Tensor]
RIM = 1e-3  # the twin's discs end further out, where each pixel has less than 4e-4 of the weight of one inside


@dataclass(frozen=True)
class KernelRow:
    """A kernel and its twin: largest difference, its bound, median milliseconds of both."""

    kernel: str
    difference: float
    bound: float
    kernel_ms: float
    twin_ms: float


def measure(device: str) -> Measured:
    """Every kernel at the sizes of 512² frames; in miniature through Triton's interpreter, if Triton is installed."""
    if find_spec("triton") is None:
        why = "Triton is not installed; torch for CUDA brings it, `make test-kernels` installs it for a CPU"
        return Measured.from_records({"Not run": [NotRun("Triton kernels", why)]}, [why] if device == "cuda" else [])
    rows = [*_spread_sums(device), _direct_scatter(device)]
    wrong = [f"{r.kernel}: off by {r.difference:.2g}, bound {r.bound:.2g}" for r in rows if not r.difference <= r.bound]
    return Measured.from_records({"Triton kernels against their twins": rows}, wrong)


def spread_bins(
    coarseness: Sequence[int], spots: int, seed: int, columns: int = 41, points: int = 48, device: str = "cpu"
) -> list[SpreadBin]:
    """Random bins of one lens, with a spectrum for each number and spots by `seed`, on a grid of as many frequencies.

    `points` and 2 (columns − 1), the sides of the frame, must be multiples of 8.
    """
    bins = []
    for number, f in enumerate(coarseness):
        spectrum = cropped(torch.view_as_complex(_noise(4, columns, points, 2, seed=number)), f).contiguous()
        shape = spectrum.shape[1], 2 * spectrum.shape[2]
        low, high = (
            tuple(_noise(spots, *shape, seed=seed + 10 * number + side).to(device).unbind()) for side in (0, 1)
        )
        weights = tuple((_noise(spots, seed=seed) + 0.5).tolist())
        pairs = torch.view_as_real(spectrum).flatten(-2).to(device)
        bins.append(SpreadBin(pairs, SpotMix(low, high, weights), f))
    return bins


def _noise(*shape: int, seed: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) - 0.5


def _spread_sums(device: str) -> list[KernelRow]:
    from simulator.scatter.spread_sum_triton import spread_sum

    grid, lenses = ((321, 640), 12) if device == "cuda" else ((41, 48), 1)
    rows = []
    for name, coarseness, spots, channels in (
        ("four channels, one spot", (1, 1, 2, 4, 1, 2), 1, slice(4)),
        ("colors, a spot each", (1, 2, 1, 1), 3, slice(3)),
        ("coverage, three spots", (1, 2, 1, 1), 3, slice(3, 4)),
    ):
        of_lenses = [spread_bins(coarseness, spots, 100 * lens, *grid, device) for lens in range(lenses)]

        def real(run: SpreadSum, given: SpreadArguments = (of_lenses, channels, slice(spots), 1)) -> Tensor:
            return torch.view_as_real(run(*given))

        title = f"sum of spectra {grid[0]}x{grid[1]}, {lenses} lenses: {name}"
        rows.append(_row(title, partial(real, spread_sum), partial(real, spread_sum_by_torch), ROUNDING, device))
    return rows


def _direct_scatter(device: str) -> KernelRow:
    from pipelines.bench.direct_scatter_cuda import direct_scatter

    side, radius = (192, 12.0) if device == "cuda" else (24, 3.0)
    photo = photo_like(side).to(device)
    lens = sampled(lenses_through(photo.disparity, radius))[0]
    given = photo.image, photo.disparity, lens
    name = f"direct scatter {side}², r {radius:g}"
    return _row(name, lambda: direct_scatter(*given), lambda: reference.direct_scatter(*given), RIM, device)


def _row(name: str, kernel: Callable[[], Tensor], twin: Callable[[], Tensor], bound: float, device: str) -> KernelRow:
    """bound: of the difference, relative to the twin's largest value."""
    expected = twin()
    difference = float((kernel() - expected).abs().max() / expected.abs().max())
    seconds = interleaved({"kernel": kernel, "twin": twin}, 5 if device == "cuda" else 1, device=device, budget_s=3.0)
    ms = {one: 1e3 * statistics.median(spent) for one, (_, spent) in seconds.items()}
    return KernelRow(name, difference, bound, ms["kernel"], ms["twin"])
