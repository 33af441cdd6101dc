"""What a stack needs is counted as torch runs it."""

from __future__ import annotations

import math

import pytest
import torch

from pipelines.bench.renderers import STACK, RendererRow
from pipelines.bench.roofline import Ledger, Rates, machine_rates, rooflines
from pipelines.bench.subject import photo_like
from pipelines.bench.timing import Timing


def test_bytes_are_those_read_and_written_and_views_are_free() -> None:
    a, b = torch.ones(100, 8), torch.ones(100, 8)
    with Ledger() as ledger:
        a.addcmul_(b, b)  # a and b, each once
        a.T.reshape(8, 100)[:, :50].add(1.0)  # the half that is looked at, and the result
    once = 100 * 8 * 4
    assert ledger.bytes == (once + once) + (once / 2 + once / 2)
    assert (ledger.operations, ledger.transform_flops) == (2, 0.0)


def test_transforms_are_counted_by_their_arithmetic() -> None:
    with Ledger() as ledger:
        spectrum = torch.fft.rfft(torch.ones(6, 64))  # 6 real ones of 64 points
        torch.fft.fft(spectrum.T.contiguous())  # 33 complex ones of 6 points
    assert ledger.transform_flops == pytest.approx(2.5 * 6 * 64 * math.log2(64) + 5.0 * 33 * 6 * math.log2(6))


def test_a_frame_has_a_floor_and_a_share() -> None:
    photo = photo_like(96)
    row = RendererRow(STACK, 96, 8, 12, Timing.of([0.12], first_s=0.2, units=12))
    (found,) = rooflines({96: photo}, [row], Rates(1e9, 1e9, 1e9))
    assert found.took_ms == pytest.approx(10.0)
    assert found.bytes_ms == pytest.approx(found.bytes_a_frame / 1e6)
    assert found.share == pytest.approx((found.bytes_ms + found.transforms_ms) / 10.0)
    # At least four groups of four channels are inverted, and sixteen bins transformed for twelve frames, each on no
    # less than a quarter of the frame: 16/4 + 16·4/12/4 = 5.3 whole transforms.
    assert found.transform_flops_a_frame > 20 * 2.5 * 96 * 96 * math.log2(96 * 96) / 4
    assert found.operations_a_frame > 20


def test_the_machine_has_rates() -> None:
    rates = machine_rates("cpu", 2)
    assert rates.cached_bytes_per_s > 1e8
    assert rates.streamed_bytes_per_s > 1e8
    assert rates.transform_flops_per_s > 1e8
