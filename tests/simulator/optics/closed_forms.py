"""Areas of pupils in closed form, in units of the squared radius of the full opening."""

from __future__ import annotations

import math


def blades_area(blades: int, roundness: float) -> float:
    """Area of the iris of `blades_distance`: a polygon and n circular segments.

    n/2 sin(2π/n) + n R² (θ − sin θ cos θ), with R = 1/k and sin θ = sin(π/n) / R.
    """
    if blades == 0:
        return math.pi
    polygon = blades / 2 * math.sin(2 * math.pi / blades)
    if roundness == 0:
        return polygon
    radius = 1.0 / roundness
    theta = math.asin(math.sin(math.pi / blades) / radius)
    return polygon + blades * radius**2 * (theta - math.sin(theta) * math.cos(theta))


def two_disc_area(distance: float, other_radius: float = 1.0) -> float:
    """Area that the unit disc shares with a disc of radius r whose middle lies d away.

    acos((d² + 1 − r²) / 2d) + r² acos((d² + r² − 1) / 2dr) − ½ √((1 + r + d)(1 + r − d)(1 − r + d)(r − 1 + d)).
    """
    d, r = distance, other_radius
    if d >= 1 + r:
        return 0.0
    if d <= abs(1 - r):
        return math.pi * min(1.0, r) ** 2
    kite = 0.5 * math.sqrt((1 + r + d) * (1 + r - d) * (1 - r + d) * (r - 1 + d))
    return math.acos((d * d + 1 - r * r) / (2 * d)) + r * r * math.acos((d * d + r * r - 1) / (2 * d * r)) - kite
