from __future__ import annotations

import torch

from pipelines.model.positions import apply_rotary, patch_centers, rotary_cos_sin


def heads(tokens: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 2, tokens, 32, generator=torch.Generator().manual_seed(seed))


def test_patches_are_counted_row_by_row_from_their_centers() -> None:
    assert patch_centers(2, 3).tolist() == [[0.5, 0.5], [1.5, 0.5], [2.5, 0.5], [0.5, 1.5], [1.5, 1.5], [2.5, 1.5]]


def test_a_product_depends_on_the_offset_alone() -> None:
    """Query at p, key at q: the same product as at p + d, q + d, in pictures of any size."""
    query, key = heads(6), heads(6, seed=1)
    places = torch.rand(1, 6, 2, generator=torch.Generator().manual_seed(2)) * 10

    def products(shift: torch.Tensor) -> torch.Tensor:
        turns = rotary_cos_sin(places + shift, 32)
        return apply_rotary(query, *turns) @ apply_rotary(key, *turns).transpose(-1, -2)

    here = products(torch.zeros(2))
    torch.testing.assert_close(products(torch.tensor([40.0, -7.5])), here, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(apply_rotary(query, *rotary_cos_sin(places, 32)) @ key.transpose(-1, -2), here, atol=0.1)


def test_both_axes_count() -> None:
    cosine, _ = rotary_cos_sin(torch.tensor([[[1.0, 2.0], [1.0, 3.0], [2.0, 2.0]]]), 32)
    assert cosine.shape == (1, 1, 3, 8)
    torch.testing.assert_close(cosine[0, 0, 0, :4], cosine[0, 0, 1, :4])
    torch.testing.assert_close(cosine[0, 0, 0, 4:], cosine[0, 0, 2, 4:])
    assert not torch.allclose(cosine[0, 0, 0, 4:], cosine[0, 0, 1, 4:])


def test_turning_keeps_lengths_and_half_of_the_channels() -> None:
    query = heads(5)
    turned = apply_rotary(query, *rotary_cos_sin(torch.rand(1, 5, 2) * 9, 32))
    torch.testing.assert_close(turned.norm(dim=-1), query.norm(dim=-1))
    torch.testing.assert_close(turned[..., 16:], query[..., 16:])
    assert not torch.allclose(turned[..., :16], query[..., :16])


def test_a_query_for_offset_zero_finds_the_patch_under_the_point() -> None:
    """The same vector as query of the point and key of all patches: the largest product is where the point lies."""
    places = patch_centers(6, 9)
    vector = torch.ones(1, 1, 1, 32)
    for row, column in ((0, 0), (3, 7), (5, 2)):
        point = torch.tensor([[[column + 0.5, row + 0.5]]])
        query = apply_rotary(vector, *rotary_cos_sin(point, 32))
        keys = apply_rotary(vector.expand(-1, -1, len(places), -1), *rotary_cos_sin(places[None], 32))
        assert int((keys @ query.transpose(-1, -2)).argmax()) == row * 9 + column
