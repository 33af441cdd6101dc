"""The network of "sharpen, then render", as the code around it sees it."""

from typing import Protocol

from jaxtyping import Float
from torch import Tensor


class Sharpener(Protocol):
    """Estimates blur radii of a photo and takes its blur away. Pictures are display values in [-1, 1].

    Pictures of any size from 16 px come in; a network that needs whole strides pads them. max_radius_px: the largest
    blur radius trained on, pixels.
    """

    max_radius_px: float

    def blur_map(
        self, picture: Float[Tensor, "3 h w"], disparity: Float[Tensor, "1 h w"]
    ) -> tuple[Float[Tensor, "h w"], Float[Tensor, "h w"]]:
        """Blur radius of each pixel, and its spread (standard deviation), pixels."""

    def sharpened(
        self, picture: Float[Tensor, "3 h w"], own_defocus_px: Float[Tensor, "h w"], disparity: Float[Tensor, "1 h w"]
    ) -> Float[Tensor, "3 h w"]:
        """The all-in-focus picture; own_defocus_px is s = K_s (D − D_s) of the lens the photo was taken with."""


class Unsharpened:
    """A sharpener without a network: what becomes sharp does so by back-projection alone, with a lens that is told."""

    max_radius_px = 6.0  # beyond, on a smaller copy, as for a network

    def blur_map(self, picture: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor]:
        """Raises ValueError: it sees no blur."""
        raise ValueError("without a network the photo's own plane and blur level must be told")

    def sharpened(self, picture: Tensor, own_defocus_px: Tensor, disparity: Tensor) -> Tensor:
        """The picture as it is."""
        return picture
