"""What a network is told besides noise and time: the reference, its depth and own lens, and the lens that is asked for.

Letters: N pictures, D disparity, s signed blur radius in pixels of the picture, s = K·(D − D_f): negative is farther
than the plane in focus.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_UNIT = 3.0
MAP_CHANNELS = 6


@dataclass(frozen=True, eq=False)
class Condition:
    """Inputs of N predictions. Pictures are display values in [-1, 1].

    Attributes:
        reference: the photo.
        disparity: D in [0, 1], bigger is nearer; 0 where validity is 0.
        validity: 1 where disparity is known, else 0.
        focus_point: (x, y) in [0, 1]; may lie outside the picture only where validity is 1.
        point_disparity: D at the focus point; ignored where depth is unknown.
        blur_level: percent of the picture's long side, > 0.
        is_unconditional: True hides focus point and blur level, for classifier-free guidance.
        asked_defocus: s of the frame that is asked for; 0 where depth is unknown; not read where is_unconditional.
        own_defocus: s of the reference itself; 0 where its lens or depth is unknown.
        own_validity: 1 where own_defocus is known, else 0.
        frames: so many pictures in a row have the same reference.
    """

    reference: Float[Tensor, "n 3 h w"]
    disparity: Float[Tensor, "n 1 h w"]
    validity: Float[Tensor, "n 1 h w"]
    focus_point: Float[Tensor, "n 2"]
    point_disparity: Float[Tensor, " n"]
    blur_level: Float[Tensor, " n"]
    is_unconditional: Bool[Tensor, " n"]
    asked_defocus: Float[Tensor, "n 1 h w"]
    own_defocus: Float[Tensor, "n 1 h w"]
    own_validity: Float[Tensor, "n 1 h w"]
    frames: int = 1
    _made: dict[object, tuple[Tensor, Tensor]] = field(default_factory=dict, repr=False)

    def of_references(self, make: Callable[[Tensor], Tensor]) -> Tensor:
        """`make` of the references [R, 3, H, W], R = N / frames, made once however often the network runs."""
        reference, result = self._made.get(make, (None, None))
        if result is None or reference is not self.reference:  # `replace` hands the dictionary on
            with torch.no_grad():
                result = make(self.reference[:: self.frames])
            self._made[make] = (self.reference, result)
        return result

    def maps(self) -> Float[Tensor, "n 6 h w"]:
        """MAP_CHANNELS maps a network reads as pictures, each of about unit range and 0 where nothing is known."""
        disparity = 2.0 * self.disparity - self.validity  # [-1, 1]
        own = self.own_defocus
        asked = torch.where(self.is_unconditional[:, None, None, None], 0.0, self.asked_defocus)
        signed = [torch.asinh(own) / _UNIT, torch.asinh(asked) / _UNIT, torch.asinh(own.abs() - asked.abs()) / _UNIT]
        return torch.cat([disparity, self.validity, *signed, self.own_validity], dim=1)
