from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from pipelines.model.sampler import Denoiser
from pipelines.refocus.tiling import PhotoTile, blended, cut, window


@pytest.mark.parametrize("size", [(64, 96), (65, 97), (64, 200), (500, 333), (30, 200)])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5])
def test_tiles_cover_the_canvas_and_overlap(size: tuple[int, int], overlap: float) -> None:
    tiles = cut(size, (64, 96), overlap)
    covered = torch.zeros(size)
    for tile in tiles:
        assert 0 <= tile.top <= size[0] - tile.height
        assert 0 <= tile.left <= size[1] - tile.width
        assert (tile.height, tile.width) == (min(64, size[0]), min(96, size[1]))
        tile.crop(covered).add_(1)
    assert covered.min() >= 1
    for axis, side in ((0, 64), (1, 96)):
        starts = sorted({(tile.top, tile.left)[axis] for tile in tiles})
        assert all(b - a <= side * (1 - overlap) + 1 for a, b in pairwise(starts))


def test_places_are_whole_patches_but_for_the_far_edge() -> None:
    tiles = cut((64, 250), (64, 96), 0.25, step=8)
    assert all(tile.left % 8 == 0 or tile.left == 250 - 96 for tile in tiles)


def test_a_prediction_that_sees_pixels_alone_is_the_same_in_tiles() -> None:
    """x̂ = f(z, place) pixel by pixel: whatever the windows, their sum divided by their weights is it."""
    size = (70, 130)
    field = torch.rand(size, generator=torch.Generator().manual_seed(0))
    seen = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))

    def of_tile(tile: PhotoTile) -> Denoiser:
        return lambda z, time: z * 2 + tile.crop(field) + time[:, None, None, None]

    tiles = cut(size, (32, 48), 0.25)
    assert len(tiles) > 6
    made = blended(tiles, size, of_tile)(seen, torch.tensor([0.5]))
    torch.testing.assert_close(made, seen * 2 + field + 0.5)


def test_where_tiles_disagree_one_passes_into_the_other() -> None:
    """Left tile says 0, right tile says 1: no step between neighbors larger than the ramp's own, 0 and 1 outside."""
    size = (16, 80)
    tiles = cut(size, (16, 48), 0.25)
    assert [tile.left for tile in tiles] == [0, 32]
    made = blended(tiles, size, lambda tile: lambda z, t: torch.full_like(z, float(tile.left > 0)))(
        torch.zeros(1, 3, *size), torch.zeros(1)
    )[0, 0, 8]
    assert made[:30].abs().max() == 0
    assert made[50:].min() == 1
    assert float(made.diff().max()) < 0.2
    assert (made.diff() >= -1e-6).all()


def test_windows_fall_only_where_a_neighbor_lies() -> None:
    edge = window(PhotoTile(0, 0, 32, 32), (32, 64))
    assert float(edge[:, :8].min()) == 1.0
    assert float(edge[:, -1].max()) < 0.05
    assert float(window(PhotoTile(0, 16, 32, 32), (32, 64)).min()) > 0


def test_one_tile_is_the_whole() -> None:
    tiles = cut((32, 48), (32, 48), 0.25)
    assert tiles == [PhotoTile(0, 0, 32, 48)]
    seen = torch.rand(1, 3, 32, 48)
    assert torch.equal(blended(tiles, (32, 48), lambda tile: lambda z, t: z)(seen, torch.zeros(1)), seen)


def test_too_much_overlap_is_refused() -> None:
    with pytest.raises(ValueError, match="overlap must lie in"):
        cut((32, 48), (32, 48), 1.0)
