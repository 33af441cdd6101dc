"""A frame that is already blurred, blurred on to another plane and level: the renderer adds only what is missing.

Blurs add in squares: a disc's variance is r²/2 a direction, and variances of blurs in sequence add. A picture that has
radius r_s needs √(r_t² − r_s²) more to have r_t. Nothing here sharpens: where r_t < r_s the picture stays as it is.
Letters: D disparity, bigger is nearer; s = K (D − D_f) signed blur radius of a lens, pixels; r = |s|; indices s of the
picture's own lens, t of the asked one.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from simulator import Aperture, ThinLens, render_stack

LEAST_RADIUS_PX = 0.5
"""Up to here a disc lies within its pixel: there is nothing to render."""


def missing_blur(
    picture_linear: Float[Tensor, "3 h w"],
    disparity: Float[Tensor, "h w"],
    own: ThinLens | None,
    asked: ThinLens,
    *,
    aperture: Aperture | None = None,
) -> Float[Tensor, "3 h w"]:
    """The picture [3, H, W] (linear light) as the asked lens shows it, as far as more blur can take it.

    own: the lens the picture was taken with; None for an all-in-focus photo, for which this is the renderer.
    Raises ValueError like `render_stack` for a picture or disparity that is none.

    The renderer gets the missing radius with the sign of s_t in place of disparity, and a lens focused at 0: what lies
    nearer than the asked plane still occludes what lies beyond it. Within either side the missing radius orders
    surfaces, which need not be their order in depth.
    """
    if own is None:
        return render_stack(picture_linear, disparity, [asked], aperture=aperture)[0]
    missing_px = missing_radius_px(disparity, own, asked)
    if float(missing_px.max()) <= LEAST_RADIUS_PX:
        return picture_linear.clone()
    signed_px = torch.sign(asked.defocus_px(disparity)) * missing_px
    return render_stack(picture_linear, signed_px, [ThinLens(0.0, 1.0)], aperture=aperture)[0]


def missing_radius_px(disparity: Float[Tensor, "h w"], own: ThinLens, asked: ThinLens) -> Float[Tensor, "h w"]:
    """√max(0, r_t² − r_s²) [H, W], pixels."""
    return (asked.defocus_px(disparity).square() - own.defocus_px(disparity).square()).clamp(min=0.0).sqrt()
