"""Where a token stands: two-dimensional rotary positions, for patches and points alike, at any size of picture.

Letters: p = (x, y) a place in patches, ω_k = BASE^(−k/m) the m angular frequencies of an axis, in radians a patch.
Pairs of a head's channels are turned by ω_k·x, further pairs by ω_k·y, and the rest is left as it is (for what does
not depend on place). The product of a query at p and a key at q then depends on p − q alone (Su et al. 2021, arXiv
2104.09864): a query that looks for offset 0 finds the patch under the point, in pictures larger than any seen.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

BASE = 100.0


def patch_places(rows: int, columns: int, device: torch.device | None = None) -> Float[Tensor, "t 2"]:
    """(x, y) of every patch's centre, in patches, row by row: T = rows · columns."""
    y, x = torch.meshgrid(
        torch.arange(rows, device=device) + 0.5, torch.arange(columns, device=device) + 0.5, indexing="ij"
    )
    return torch.stack([x, y], dim=-1).reshape(-1, 2).float()


def rotations(places: Float[Tensor, "b t 2"], head_width: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine, [B, 1, T, 2·m] each, of the angles of both axes; m = head_width // 8.

    Half of a head's channels are turned. Angles are in float32 whatever the network computes in.
    """
    m = head_width // 8
    frequencies = BASE ** (-torch.arange(m, device=places.device, dtype=torch.float32) / m)  # [m]
    angles = (places.float()[..., None] * frequencies).flatten(-2)[:, None]  # [B, 1, T, 2 m]: x's, then y's
    return angles.cos(), angles.sin()


def rotated(
    heads: Float[Tensor, "b n t d"], cosine: Float[Tensor, "b 1 t half"], sine: Float[Tensor, "b 1 t half"]
) -> Float[Tensor, "b n t d"]:
    """Turn the first 2·half channels of every head, pair (k, half + k) by angle k; the others stay."""
    half = cosine.shape[-1]
    a, b, rest = heads.split([half, half, heads.shape[-1] - 2 * half], dim=-1)
    cosine, sine = cosine.to(heads.dtype), sine.to(heads.dtype)
    return torch.cat([a * cosine - b * sine, a * sine + b * cosine, rest], dim=-1)
