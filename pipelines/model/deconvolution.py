"""The reference with its own blur taken away as far as arithmetic can: deconvolution by each pixel's radius, repeated.

Letters: P the reference in linear light, r own blur radius of a pixel, H_r transfer function of a disc, B the blur of a
picture by each pixel's r, x_i what is made, f frequency in cycles a pixel, ε noise-to-signal ratio at F_UNIT.

    W_r = conj(H_r) / (|H_r|² + ε·f²/F_UNIT²)       photos have about 1/f² of power, noise is even
    x_0 = P        x_{i+1} = x_i + W·(P − B x_i)      what is made, blurred again, must be the reference

H and W are known for a few r, and per pixel the two next to its own are mixed (Wiener 1949; Zhou and Nayar 2009, ICCP,
on which ε suits which aperture). The first step differs from W·P where r changes: there W·P rings, as it takes away
blur that is not there. Small ε brings more back, and rings more at depth edges and saturated lights: a network is given
several and decides at each pixel. With exact radii and nothing learned, of 12 frames of four real photos (256 px,
r >= 2 px, mean, worst frame; 2026-11-30):

    ε = 0.01                     W·P             x_1             x_2             x_3
    share of lost detail back    0.30, 0.19      0.29, 0.20      0.36, 0.26      0.41, 0.29
    gain, dB                     0.40, -0.98     1.06, 0.68      1.23, 0.83      1.26, 0.75
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from simulator.optics.color import linear_to_srgb, srgb_to_linear

NOISE_TO_SIGNAL = (3e-3, 3e-2)
"""ε, one copy each."""
STEPS = 3
RADII_PX = (0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.3, 16.0)
F_UNIT = 0.1
_LEAST_RADIUS_PX = 0.5  # the reference itself
_MARGIN_PX = 16  # reflected around the picture, as the transform is periodic
_SUBPIXELS = 8


def deconvolved(
    reference: Float[Tensor, "n 3 h w"], own_defocus: Float[Tensor, "n 1 h w"]
) -> Float[Tensor, "n e 3 h w"]:
    """The reference, display values in [-1, 1], once for each of NOISE_TO_SIGNAL; radii beyond the last count as it."""
    light = srgb_to_linear((reference.float() + 1.0) / 2.0)  # [N, 3, H, W]
    shares = _shares(own_defocus)
    missing = light - _mixed(light, shares, _blur)  # of the first step, for every ε
    made = []
    for epsilon in NOISE_TO_SIGNAL:
        sharper = light
        for step in range(STEPS):
            left = light - _mixed(sharper, shares, _blur) if step else missing
            sharper = (sharper + _mixed(left, shares, partial(_wiener, epsilon=epsilon))).clamp(0.0, 1.0)
        made.append(sharper)
    return 2.0 * linear_to_srgb(torch.stack(made, dim=1)) - 1.0


def wiener_filtered(
    light: Float[Tensor, "n 3 h w"], own_defocus: Float[Tensor, "n 1 h w"], noise_to_signal: float
) -> Float[Tensor, "n 3 h w"]:
    """W of a picture or of a difference of two, linear light."""
    return _mixed(light, _shares(own_defocus), partial(_wiener, epsilon=noise_to_signal))


def blurred(picture: Float[Tensor, "n c h w"], own_defocus: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n c h w"]:
    """B of a picture: each pixel gathers by its own radius; what hides what is not asked."""
    return _mixed(picture, _shares(own_defocus), _blur)


def _shares(own_defocus: Tensor) -> dict[int, Tensor]:
    """[N, 1, H, W] for each place of the list of radii that occurs."""
    place = _place(own_defocus.float().abs())
    first, last = torch.stack([place.min().floor(), place.max().ceil()]).int().tolist()  # the GPU is waited for once
    return {number: (1.0 - (place - number).abs()).clamp(min=0.0) for number in range(first, last + 1)}


def _place(radius_px: Tensor) -> Tensor:
    """0 at _LEAST_RADIUS_PX or less, k at RADII_PX[k - 1], linear in log r between."""
    steps = torch.tensor((_LEAST_RADIUS_PX, *RADII_PX), device=radius_px.device).log()
    value = radius_px.clamp(_LEAST_RADIUS_PX, RADII_PX[-1]).log()
    upper = torch.bucketize(value, steps).clamp(1, len(RADII_PX))
    low, high = steps[upper - 1], steps[upper]
    return (upper - 1) + (value - low) / (high - low)


def _mixed(light: Tensor, shares: Mapping[int, Tensor], filter_of: Callable[..., Tensor]) -> Tensor:
    """A picture [N, C, H, W] through the filter of each place, mixed per pixel by `shares` [N, 1, H, W]."""
    if not any(shares):  # nothing is blurred, or the lens is not known
        return light * shares[0]
    margin = min(_MARGIN_PX, *(side - 1 for side in light.shape[-2:]))
    padded = functional.pad(light, (margin,) * 4, mode="reflect")
    size = (padded.shape[-2], padded.shape[-1])
    spectrum = torch.fft.rfft2(padded)  # [N, C, H', F]
    mixed = torch.zeros_like(light)
    for number, share in shares.items():
        made = light
        if number:
            whole = torch.fft.irfft2(spectrum * filter_of(size, number, device=light.device), s=size)
            made = whole[..., margin : size[0] - margin, margin : size[1] - margin]
        mixed += share * made
    return mixed


@lru_cache(maxsize=32)  # of a photo of a megapixel 4 MB each
def _blur(size: tuple[int, int], number: int, *, device: torch.device) -> Tensor:
    """H of RADII_PX[number - 1], [H', F]."""
    return torch.fft.rfft2(_disc(RADII_PX[number - 1], *size)).to(device)


@lru_cache(maxsize=64)
def _wiener(size: tuple[int, int], number: int, *, epsilon: float, device: torch.device) -> Tensor:
    """W of RADII_PX[number - 1], [H', F]."""
    transfer = _blur(size, number, device=torch.device("cpu"))
    f2 = torch.fft.fftfreq(size[0])[:, None].square() + torch.fft.rfftfreq(size[1]).square()  # [H', F]
    made = transfer.conj() / (transfer.abs().square() + epsilon * f2 / F_UNIT**2).clamp(min=1e-9)
    return made.to(device)


def _disc(radius_px: float, height: int, width: int) -> Tensor:
    """A disc of unit sum around pixel (0, 0) of a periodic picture [H', W'], each pixel by the share it covers."""
    reach = int(np.ceil(radius_px))
    places = (np.arange((2 * reach + 1) * _SUBPIXELS) + 0.5) / _SUBPIXELS - reach - 0.5
    inside = places[:, None] ** 2 + places[None] ** 2 <= radius_px**2
    covered = inside.reshape(2 * reach + 1, _SUBPIXELS, 2 * reach + 1, _SUBPIXELS).mean((1, 3))
    picture = np.zeros((height, width), np.float32)
    rows = (np.arange(2 * reach + 1) - reach)[:, None] % height
    columns = (np.arange(2 * reach + 1) - reach)[None] % width
    np.add.at(picture, (rows, columns), covered / covered.sum())
    return torch.from_numpy(picture)
