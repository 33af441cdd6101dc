"""What the renderer is compared with makes the same picture as its slow twin: only so are the times worth anything."""

from __future__ import annotations

import pytest
import torch

from pipelines.bench import direct_scatter_cpu
from pipelines.bench.binned_scatter import BinnedScatter
from pipelines.bench.renderers import best_direct_scatter
from pipelines.bench.subject import PhotoLike, lenses_through, photo_like, sampled
from simulator.reference import scatter as reference

RADII_PX = (1.0, 4.0, 9.5)
RIM = 1e-3  # the twin's discs end further out, where each pixel has less than 4e-4 of the weight of one inside


@pytest.fixture(scope="module")
def photo() -> PhotoLike:
    square = photo_like(48)
    return PhotoLike(square.image[:, :41], square.disparity[:41])  # no side a cheap length, and not square


@pytest.mark.parametrize("radius_px", RADII_PX)
def test_binned_scatter_is_its_twin(photo: PhotoLike, radius_px: float) -> None:
    binned = BinnedScatter(photo.image, photo.disparity)
    for lens in sampled(lenses_through(photo.disparity, radius_px)):
        expected = reference.binned_scatter(photo.image, photo.disparity, lens)
        torch.testing.assert_close(binned.frame(lens), expected, atol=2e-5, rtol=0)  # float32 transforms


def test_binned_scatter_makes_each_spot_once(photo: PhotoLike, monkeypatch: pytest.MonkeyPatch) -> None:
    binned = BinnedScatter(photo.image, photo.disparity)
    lens = lenses_through(photo.disparity, 5.0)[0]
    first = binned.frame(lens)
    monkeypatch.setattr("pipelines.bench.binned_scatter.spot_spectrum", None)
    assert torch.equal(binned.frame(lens), first)


@pytest.mark.parametrize("radius_px", RADII_PX)
def test_direct_scatter_is_its_twin(photo: PhotoLike, radius_px: float) -> None:
    direct = best_direct_scatter("cpu")  # compiled, or the twin itself where nothing compiles
    for lens in sampled(lenses_through(photo.disparity, radius_px)):
        expected = reference.direct_scatter(photo.image, photo.disparity, lens)
        torch.testing.assert_close(direct.frame(photo.image, photo.disparity, lens), expected, atol=RIM, rtol=0)


def test_without_a_compiler_direct_scatter_is_eager_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    direct_scatter_cpu.built.cache_clear()
    direct = best_direct_scatter("cpu")
    direct_scatter_cpu.built.cache_clear()
    assert direct.frame is reference.direct_scatter
    assert direct.built_with == "eager torch (no C++ compiler: no-such-compiler found)"


def test_a_compiler_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "false")
    direct_scatter_cpu.built.cache_clear()
    with pytest.raises(direct_scatter_cpu.NoCompiler, match="false failed: no word"):
        direct_scatter_cpu.built()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("radius_px", RADII_PX)
def test_direct_scatter_on_a_gpu_is_its_twin(photo: PhotoLike, radius_px: float) -> None:
    direct = best_direct_scatter("cuda")
    assert direct.built_with.startswith("Triton")
    there = photo.to("cuda")
    for lens in sampled(lenses_through(photo.disparity, radius_px)):
        expected = reference.direct_scatter(photo.image, photo.disparity, lens)
        torch.testing.assert_close(direct.frame(there.image, there.disparity, lens).cpu(), expected, atol=RIM, rtol=0)
