"""Slow float64 twins of the fast renderer, and the methods of other generators. Never optimized.

Read this file to learn the method: `spread` blurs one bin, `composited_nearest_first` is occlusion, `layered_frame` is
the entire renderer. The four functions at the end are the methods of other generators; `validate` compares them with
the path tracer on the same inputs.

Letters: r radius of the circle of confusion in pixels; A coverage; T share of the lens still free; D disparity.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from simulator.optics.aperture import Aperture
from simulator.optics.lens import ThinLens


def spread(content: Float[Tensor, "c h w"], mask: Float[Tensor, "d d"]) -> Float[Tensor, "c h w"]:
    """Content [c, h, w] with every pixel spread over the mask; beyond the frame its edge is repeated. float64."""
    half = mask.shape[0] // 2
    _, h, w = content.shape
    padded = F.pad(content.double()[None], (half, half, half, half), mode="replicate")[0]
    result = torch.zeros(content.shape, dtype=torch.float64)
    for dy in range(-half, half + 1):
        for dx in range(-half, half + 1):
            source = padded[:, half - dy : half - dy + h, half - dx : half - dx + w]
            result += mask[half + dy, half + dx] * source
    return result


def spline_shares(disparity: float, bins: list[float]) -> list[float]:
    """Share of one pixel in each of evenly spread bins: the quadratic B-spline of its distance in gaps."""
    gap = (bins[0] - bins[-1]) / (len(bins) - 1)
    return [_quadratic_spline(abs(disparity - center) / gap) for center in bins]


def _quadratic_spline(distance: float) -> float:
    if distance < 0.5:
        return 0.75 - distance**2
    return 0.5 * max(1.5 - distance, 0.0) ** 2


def composited_nearest_first(groups: list[Float[Tensor, "4 h w"]]) -> Float[Tensor, "3 h w"]:
    """The frame [3, h, w] of blurred groups (light, coverage): each takes t = min(A, T); then light / Σt."""
    _, h, w = groups[0].shape
    frame = torch.zeros(3, h, w, dtype=torch.float64)
    for y in range(h):
        for x in range(w):
            free, light = 1.0, torch.zeros(3, dtype=torch.float64)
            for group in groups:
                coverage = float(group[3, y, x])
                if coverage > 1e-4:
                    taken = min(coverage, free)
                    light += group[:3, y, x].double() * taken / coverage
                    free -= taken
            frame[:, y, x] = light / max(1.0 - free, 1e-4)
    return frame


def layered_frame(
    light: Float[Tensor, "3 h w"],
    disparity: Float[Tensor, "h w"],
    lens: ThinLens,
    bins: list[float],
    groups: list[slice],
) -> Float[Tensor, "3 h w"]:
    """The frame [3, h, w] of one surface that fills it, by layered scatter: each pixel spread over its disc. float64.

    With s = K (D − D_f), the part u of the lens sees a pixel of a slope 1 + u·∇s times as large as the middle of the
    lens does: the disc is skewed by that factor. Pixels share groups by the weights of their bins; groups are
    composited nearest first.
    """
    h, w = disparity.shape
    defocus = lens.blur_scale_px * (disparity.double() - lens.focus_disparity)
    slope = torch.gradient(defocus)  # ∇s, down and right
    reach = math.ceil(float(defocus.abs().max())) + 2
    blurred = torch.zeros(len(groups), 4, h + 4 * reach, w + 4 * reach, dtype=torch.float64)
    for y in range(-reach, h + reach):
        for x in range(-reach, w + reach):  # beyond the frame its edge is repeated
            pixel = min(max(y, 0), h - 1), min(max(x, 0), w - 1)
            s = float(defocus[pixel])
            mask = Aperture().mask(s)
            if s:
                mask = _skewed(mask, float(slope[0][pixel]) / s, float(slope[1][pixel]) / s)
            half = mask.shape[0] // 2
            rows, columns = (slice(i - half + 2 * reach, i + half + 1 + 2 * reach) for i in (y, x))
            content = torch.cat([light[:, pixel[0], pixel[1]].double(), torch.ones(1, dtype=torch.float64)])
            shares = spline_shares(float(disparity[pixel]), bins)
            for number, run in enumerate(groups):
                if (share := sum(shares[run])) > 0:
                    blurred[number, :, rows, columns] += share * content[:, None, None] * mask
    return composited_nearest_first([*blurred[..., 2 * reach : 2 * reach + h, 2 * reach : 2 * reach + w]])


def _skewed(mask: Float[Tensor, "d d"], down: float, right: float) -> Float[Tensor, "d d"]:
    """mask · (1 + offset · (down, right)), never negative."""
    half = mask.shape[0] // 2
    offset = torch.arange(-half, half + 1, dtype=torch.float64)
    return mask * (1.0 + offset[:, None] * down + offset * right).clamp(min=0.0)


def direct_scatter(
    image: Float[Tensor, "3 h w"], disparity: Float[Tensor, "h w"], lens: ThinLens
) -> Float[Tensor, "3 h w"]:
    """The frame [3, h, w] by soft discs: the mean of the pixels around, with their weights w.

    w = (½ + ½ tanh(4 (r − distance))) / (r² + 0.2), with r the radius of the source pixel. This is the classical
    half of BokehMe (Peng et al., CVPR 2022), which knows no occlusion. Its time is O(pixels · r²).
    """
    radius = lens.defocus_px(disparity).abs()
    reach = math.ceil(float(radius.max())) + 1
    content = torch.cat([image, torch.ones_like(disparity)[None]])  # [4, H, W]
    padded = F.pad(torch.cat([content, radius[None]])[None], (reach,) * 4, mode="replicate")[0]
    _, h, w = content.shape
    total = torch.zeros_like(content)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            source = padded[:, reach - dy : reach - dy + h, reach - dx : reach - dx + w]
            r = source[4]
            weight = (0.5 + 0.5 * torch.tanh(4.0 * (r - math.hypot(dx, dy)))) / (r * r + 0.2)
            total += source[:4] * weight
    return total[:3] / total[3:]


def binned_scatter(
    image: Float[Tensor, "3 h w"], disparity: Float[Tensor, "h w"], lens: ThinLens
) -> Float[Tensor, "3 h w"]:
    """The frame [3, h, w] by one convolution per pixel of radius; light over summed weights. No occlusion."""
    radius = lens.defocus_px(disparity).abs()
    index = radius.round().int()
    content = torch.cat([image, torch.ones_like(disparity)[None]])  # [4, H, W]
    reach = int(index.max()) + 1
    h, w = disparity.shape
    size = (h + 2 * reach, w + 2 * reach)
    total: Tensor | float = 0.0
    for r in torch.unique(index).tolist():
        bin_ = F.pad((content * (index == r))[None], (reach,) * 4, mode="replicate")[0]
        total = total + torch.fft.rfft2(bin_) * _spot_spectrum(float(r), size)
    frame = torch.fft.irfft2(torch.as_tensor(total), s=size)[:, reach : reach + h, reach : reach + w]
    return (frame[:3] / frame[3:].clamp(min=1e-6)).clamp(min=0.0)


def over_composite(
    image: Float[Tensor, "3 h w"], disparity: Float[Tensor, "h w"], lens: ThinLens, planes: int = 32
) -> Float[Tensor, "3 h w"]:
    """The frame [3, h, w] of a multi-plane image: planes blurred one by one, composited by "over", farthest first."""
    index, radii_px = _depth_planes(disparity, lens, planes)
    content = torch.cat([image, torch.ones_like(disparity)[None]])  # [4, H, W]
    reach = math.ceil(float(lens.defocus_px(disparity).abs().max())) + 1
    frame = torch.zeros_like(image)
    alpha = torch.zeros_like(disparity)
    for k, radius_px in enumerate(radii_px):
        blurred = _blurred(content * (index == k), radius_px, reach)
        a = blurred[3].clamp(0.0, 1.0)
        frame = blurred[:3] + frame * (1.0 - a)
        alpha = a + alpha * (1.0 - a)
    return (frame / alpha.clamp(min=1e-6)).clamp(min=0.0)


def occlusion_aware_layers(
    image: Float[Tensor, "3 h w"], disparity: Float[Tensor, "h w"], lens: ThinLens, planes: int = 32
) -> Float[Tensor, "3 h w"]:
    """The frame [3, h, w]: layers composited farthest first, each divided by the blurred mask of all layers up to it.

    Image formation of Ikoma, Nguyen, Metzler, Peng, Wetzstein, "Depth from Defocus with Learned Optics for Imaging and
    Occlusion-aware Depth Estimation" (ICCP 2021), with discs as point spread functions:

        b = Σ_k l̃_k Π_{j>k} (1 − α̃_j),   l̃_k = (h_k ∗ α_k l) / E_k,   α̃_k = (h_k ∗ α_k) / E_k,   E_k = h_k ∗ Σ_{j≤k} α_j

    k layer, 0 the farthest; l light; α_k 1 where the pixel is of layer k, else 0; h_k disc of the layer's radius.
    """
    index, radii_px = _depth_planes(disparity, lens, planes)
    content = torch.cat([image, torch.ones_like(disparity)[None]])  # [4, H, W]
    reach = math.ceil(float(lens.defocus_px(disparity).abs().max())) + 1
    frame = torch.zeros_like(image)
    for k in torch.unique(index).tolist():  # an empty layer changes nothing
        layer = torch.cat([content * (index == k), (index <= k)[None].to(content)])  # [5, H, W]
        blurred = _blurred(layer, radii_px[k], reach)
        normalized = torch.where(blurred[4] > 1e-4, blurred[:4] / blurred[4].clamp(min=1e-4), 0.0)
        frame = normalized[:3] + frame * (1.0 - normalized[3].clamp(0.0, 1.0))
    return frame.clamp(min=0.0)


def _depth_planes(disparity: Tensor, lens: ThinLens, count: int) -> tuple[Tensor, list[float]]:
    """The plane of each pixel [h, w], 0 the farthest, and the blur radius of each of `count` planes."""
    edges = torch.linspace(float(disparity.min()), float(disparity.max()), count + 1)
    radii_px = lens.defocus_px((edges[:-1] + edges[1:]) / 2).abs()
    return torch.bucketize(disparity, edges[1:-1].to(disparity)), radii_px.tolist()


def _blurred(content: Float[Tensor, "c h w"], radius_px: float, reach: int) -> Float[Tensor, "c h w"]:
    """Content convolved with a disc; beyond the frame its edge is repeated over `reach` pixels."""
    padded = F.pad(content[None], (reach,) * 4, mode="replicate")[0]
    h, w = padded.shape[1:]
    spectrum = torch.fft.rfft2(padded) * _spot_spectrum(radius_px, (h, w)).to(padded.device)
    return torch.fft.irfft2(spectrum, s=(h, w))[:, reach : h - reach, reach : w - reach]


def _spot_spectrum(radius_px: float, size: tuple[int, int]) -> Tensor:
    mask = Aperture().mask(radius_px).float()
    half = mask.shape[0] // 2
    grid = torch.zeros(size)
    grid[: mask.shape[0], : mask.shape[1]] = mask
    return torch.fft.rfft2(grid.roll((-half, -half), dims=(0, 1)))
