"""A white spot inside a scene with a dense range of disparities: is its disc the pupil's, near and far from focus?

The second moment does not tell: a mixture of two radii has that of the radius between them. So the half-maximum radius
is measured, and the share of light that lies elsewhere than in the pupil's own mask. Letters: r labeled radius.
"""

import math

from torch import Tensor
from torch.nn.functional import pad

from pipelines.validate.checks.check import Check
from pipelines.validate.checks.dense_range import point_frames
from pipelines.validate.checks.spot_profile import profile_of
from simulator import Aperture

PUPILS = {"disc": Aperture(), "ring": Aperture(obstruction=0.5)}
RADII_PX = (3.0, 4.2, 6.0, 8.5, 12.0, 17.0, 24.0, 48.0, 64.0)
_PLACES = (0.4537, 0.4689)
_MISPLACED_BAR = 2.0  # percent of the light


def spots_in_range(largest_px: int, radii_px: tuple[float, ...] = RADII_PX) -> list[Check]:
    """Worst half-maximum radius and worst share of misplaced light of a white spot, for each pupil."""
    checks = []
    for name, pupil in PUPILS.items():
        scale, misplaced = [], []
        for place in _PLACES:
            for in_front in (False, True):
                side = "in front" if in_front else "behind"
                for r, spot in point_frames(largest_px, radii_px, place, in_front, pupil):
                    reach = min(math.ceil(1.4 * r) + 5, spot.shape[0] // 2)
                    ours, mask = _middle(spot, reach), _middle(pupil.mask(r if in_front else -r), reach)
                    where = f"r {r:g}, D0 {place:.4f}, {side}"
                    radii = [profile_of(picture, r).half_maximum_px for picture in (ours, mask)]
                    scale.append((100 * abs(radii[0] / radii[1] - 1.0), where))
                    misplaced.append((50 * float((ours / ours.sum() - mask).abs().sum()), where))
        for what, found, bar in (("half-maximum radius", scale, 2.0), ("light misplaced", misplaced, _MISPLACED_BAR)):
            checks.append(
                Check(
                    f"{what} in a dense range, {name}, R {largest_px}",
                    max(found)[0],
                    "%",
                    "at most",
                    bar,
                    max(found)[1],
                )
            )
    return checks


def _middle(picture: Tensor, reach: int) -> Tensor:
    """The middle 2 reach + 1 pixels along each side, with 0 where the picture is smaller."""
    return pad(picture.double(), [reach - picture.shape[0] // 2] * 4)
