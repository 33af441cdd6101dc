"""Which side of the lens sees a group, and how much of that side nearer groups have taken.

Past a straight silhouette a segment of the lens sees a group: the segment on the side of s ∇A, since the point u of the
lens sees at x what a pinhole sees at x + s u. There r |∇A| = 2/π √(1 − h²), h the distance of the chord from the lens's
middle, which is nearly 2/π √(4 A (1 − A)). Nearer groups have taken the side of ∇Σ s t. Let θ be the angle between the
two sides. At θ = π the group is seen where the lens is free: it takes min(A, T). At θ = 0 it is seen first where the
lens is taken: it takes max(0, A + T − 1). (These are the Fréchet bounds of an intersection.) In between, the loss grows
with (1 + cos θ)/2: half-way, of halves of a disc, the product is left. Where gradients are smaller than a straight
silhouette's, there is no clear side, and the loss falls with the square of that.
Letters: A coverage; T share of the lens still free; t share taken; s signed blur radius, r = |s|; n frames; P pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

_PARTIAL = 0.02  # of the lens: nearer to 0 or 1, the two bounds differ by less
_TRUST = 0.8  # of the loss: silhouettes are not straight. 0.7 to 1 render alike within 0.03 dB


def lens_lost(
    coverage: Float[Tensor, "n m h w"],
    free: Float[Tensor, "n m h w"],
    taken_side: Float[Tensor, "n m h w"],
    defocus_px: Sequence[Sequence[float]],
) -> tuple[Int[Tensor, "p"], Float[Tensor, "p"]]:
    """Flat indices [P] of partly covered pixels, and by how much less than min(A, T) the group takes there: [P].

    taken_side: Σ s t of the nearer groups.
    defocus_px: s of the group in each of n frames, for each of m colors; 0 where it has no side.
    """
    index = _partly_seen(coverage, free)
    a, t = coverage.reshape(-1)[index], free.reshape(-1)[index]
    s = torch.tensor(defocus_px, dtype=a.dtype, device=a.device).flatten()[index // coverage[0, 0].numel()]
    (right, down), (taken_right, taken_down) = (_gradient(x, index) for x in (coverage, taken_side))
    aligned = (right * taken_right + down * taken_down) * s
    both = ((right**2 + down**2) * (taken_right**2 + taken_down**2)).sqrt_() * s.abs()
    straight = (4 / math.pi) ** 2 * (a * (1.0 - a) * t * (1.0 - t)).sqrt_()
    loss = _TRUST / 2 * (both / straight).clamp_(max=1.0) ** 2 * (1.0 + aligned / both.clamp(min=1e-9))
    return index, loss * (torch.minimum(a, t) - (a + t - 1.0).clamp_(min=0.0))


def _partly_seen(coverage: Tensor, free: Tensor) -> Int[Tensor, "p"]:
    """Flat indices of the pixels, off the border, where neither coverage nor the free share is close to 0 or 1."""
    inner = (..., slice(1, -1), slice(1, -1))
    is_partial = torch.zeros_like(coverage, dtype=torch.bool)
    bound = 0.5 - _PARTIAL
    is_partial[inner] = ((coverage[inner] - 0.5).abs() < bound) & ((free[inner] - 0.5).abs() < bound)
    return is_partial.flatten().nonzero()[:, 0]


def _gradient(x: Float[Tensor, "n m h w"], index: Int[Tensor, "p"]) -> tuple[Float[Tensor, "p"], Float[Tensor, "p"]]:
    """Central differences to the right and down, at pixels off the border."""
    flat, width = x.reshape(-1), x.shape[-1]
    return (flat[index + 1] - flat[index - 1]) / 2, (flat[index + width] - flat[index - width]) / 2
