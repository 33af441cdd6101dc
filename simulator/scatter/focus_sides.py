"""Visible groups on both sides of the focus: how they share the lens beside a silhouette.

Which part of the lens sees past a silhouette decides what it sees there. Let x be the distance from a straight
silhouette at 0, u a point of the lens along x, s₁ > 0 the signed radius of what hides, s₂ that of what is behind. A ray
passes the silhouette where x + s₁ u > 0, and meets what a pinhole sees behind it where x + s₂ u > 0. With s₂ > 0 one of
the two parts of the lens holds the other: of a share T that is free, a coverage A takes min(A, T). With s₂ < 0 they lie
on opposite sides of the lens: A takes max(0, A + T − 1), and what is hidden takes the rest. (These are the Fréchet
bounds of an intersection.) So what is behind the focus is collected as if nothing were in front of the focus, and laid
behind that once the visible groups are complete.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from simulator.scatter.composite import Compositor, frame_index


class FocusSides:
    """The groups behind the focus of all frames of a stack, and what they need to know of those in front of it.

    behind:     the visible groups behind the focus, composited alone.
    front_free: [n, k, H, W] share of the lens that the visible groups in front of the focus leave.
    nested:     after `merge_into`, the same frames with the share that is left for hidden surfaces in front of the
                focus. These are on the same side as the surfaces that hide them.
    """

    def __init__(self, frames: Compositor) -> None:
        self.behind = Compositor(torch.zeros_like(frames.light), torch.ones_like(frames.free), frames.side)
        self.front_free = torch.ones_like(frames.free)
        self.nested = frames

    def note_front(self, frames: Compositor, numbers: Sequence[int]) -> None:
        """These frames have got another group in front of the focus."""
        index = frame_index(numbers, frames.free.device)
        self.front_free[index] = frames.free[index]

    def merge_into(self, frames: Compositor) -> None:
        """End of the visible groups: lay what is behind the focus behind the rest."""
        nested_free = (frames.free + self.behind.free - 1.0).clamp_(min=0.0)
        frames.add_opposite(self.behind, self.front_free)
        self.nested = Compositor(frames.light, torch.minimum(nested_free, frames.free), frames.side)

    def note_nested(self, frames: Compositor, before: torch.Tensor) -> None:
        """`nested` has got another group; `before`: what it had left."""
        frames.free.sub_(before - self.nested.free).clamp_(min=0.0)
