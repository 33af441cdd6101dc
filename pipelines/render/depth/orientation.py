"""A depth map made from the pixels as they are stored, turned upright as its photo is. EXIF 2.32, tag 274."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Orientation = Literal["upright", "stored"]

_SWAPS_SIDES = (5, 6, 7, 8)
_TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: np.fliplr,
    3: lambda values: np.rot90(values, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda values: np.rot90(values, -1),
    7: lambda values: np.rot90(values, 2).T,
    8: np.rot90,
}


def turned_upright(values: NDArray[Any], exif_orientation: int) -> NDArray[Any]:
    """Stored values [h, w] as the upright photo has them: [h, w] or [w, h]."""
    return _TURNS.get(exif_orientation, np.asarray)(values)


def oriented(
    values: NDArray[Any], exif_orientation: int, stated: Orientation | None, upright_aspect: float, tolerance: float
) -> tuple[NDArray[Any], bool]:
    """The values [h, w] as the upright photo has them, and whether that they came so was assumed.

    Where nobody stated the orientation, the sides decide if the photo's turn swaps them and they differ; else the map
    is taken as upright, which may be wrong.

    Args:
        stated: of the map, by depth.json or --depth-orientation.
        upright_aspect: width by height of the upright photo.
        tolerance: relative difference up to which sides agree.
    """
    if exif_orientation == 1 or stated == "upright":
        return values, False
    turned = turned_upright(values, exif_orientation)
    if stated == "stored":
        return turned, False
    fits, fits_turned = (abs(v.shape[1] / v.shape[0] / upright_aspect - 1) <= tolerance for v in (values, turned))
    if exif_orientation in _SWAPS_SIDES and fits != fits_turned:
        return (values if fits else turned), False
    return values, True
