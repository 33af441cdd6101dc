"""Rotary positions in two dimensions, for patches and points alike, in pictures of any size.

Letters: p = (x, y) a place in patches, m angular frequencies per axis, ω_k = BASE^(−k/m) in radians per patch,
d channels of a head.

Rotary embedding (Su et al. 2021, arXiv 2104.09864): pairs of a head's channels are rotated by ω_k·x, further pairs by
ω_k·y, and the rest stays, for content that does not depend on place. The product of a query at p and a key at q then
depends on p − q alone: a query for offset 0 finds the patch under the point, also in pictures larger than any seen.
"""

import torch
from jaxtyping import Float
from torch import Tensor

BASE = 100.0


def patch_centers(rows: int, columns: int, device: torch.device | None = None) -> Float[Tensor, "t 2"]:
    """(x, y) of every patch's center, in patches, row by row: T = rows · columns."""
    y, x = torch.meshgrid(
        torch.arange(rows, device=device) + 0.5, torch.arange(columns, device=device) + 0.5, indexing="ij"
    )
    return torch.stack([x, y], dim=-1).reshape(-1, 2).float()


def rotary_cos_sin(places: Float[Tensor, "n t 2"], head_width: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the angles of both axes, [N, 1, T, 2 m] each; m = d // 8, so half of the channels rotate.

    Angles are float32 whatever the network computes in.
    """
    m = head_width // 8
    frequencies = BASE ** (-torch.arange(m, device=places.device, dtype=torch.float32) / m)  # [m]
    angles = (places.float()[..., None] * frequencies).flatten(-2)[:, None]  # [N, 1, T, 2 m]: x's, then y's
    return angles.cos(), angles.sin()


def apply_rotary(
    heads: Float[Tensor, "n a t d"], cosine: Float[Tensor, "n 1 t half"], sine: Float[Tensor, "n 1 t half"]
) -> Float[Tensor, "n a t d"]:
    """Rotate the first 2·half channels of every head, pair (k, half + k) by angle k; the others stay."""
    half = cosine.shape[-1]
    a, b, rest = heads.split([half, half, heads.shape[-1] - 2 * half], dim=-1)
    cosine, sine = cosine.to(heads.dtype), sine.to(heads.dtype)
    return torch.cat([a * cosine - b * sine, a * sine + b * cosine, rest], dim=-1)
