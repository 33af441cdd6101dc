"""A depth map made from the pixels as they are stored, turned upright as its photo is."""

from typing import Any, Literal

from numpy.typing import NDArray

from pipelines.render.photos.header import SWAPS_SIDES, turned_upright

Orientation = Literal["upright", "stored"]


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
    if exif_orientation in SWAPS_SIDES and fits != fits_turned:
        return (values if fits else turned), False
    return values, True
