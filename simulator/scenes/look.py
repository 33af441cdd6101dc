"""The look of a camera on the light of a scene: white balance, exposure, fall-off to the corners, flare, black point.

It is part of the scene's light, before any lens blurs it: the all-in-focus picture and all frames share it.
All steps are sums, products and quotients, whose last bit does not depend on how torch splits them over threads.
Letters: c linear light, 1 is white; Y its luminance; t toe.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.rng import Rng

_LUMINANCE = (0.2126, 0.7152, 0.0722)
_SLOPE = 3  # of the toe: shadows have the slope 1 + 3 in log light
_MIDDLE, _BRIGHT = 0.5, 0.85  # shares of the pixels that are darker than the levels metered
_SHADOWS = (0.004, 0.05)  # range of the share of the pixels in shadow
_BLACK = (0.0005, 0.01)  # range of the light of the brightest of these
_MIDDLE_GRAY, _BRIGHTEST = 0.22, 0.7  # middle aimed at; most light that the curve may leave as it is
_ADAPTATION = 0.3  # share of the way, in stops, to the middle aimed at: night stays darker than day
_MOST_GLARE = 0.005  # of the mean light up to white
_LEAST_MIDDLE = 0.5  # share of the middle that the curve leaves
_LONGEST_TOE = 0.3  # of the light that the curve leaves as it is: a picture without shadows gets no black ones


@dataclass(frozen=True)
class CameraLook:
    """What a camera makes of light.

    Attributes:
        white_balance: gains of red, green and blue; a gray keeps its luminance.
        exposure: in stops; 0 leaves the scene as it is lit.
        vignetting: share of the cos⁴ law's fall-off to the corners that the lens leaves, in [0, 1].
        glare: light that the lens spreads evenly over the picture; 1 is white.
        toe: t, luminance around which the curve's slope in log light changes from 1 above to 4 below; 0 for no curve.
        anchor: luminance that the curve keeps.
    """

    white_balance: tuple[float, float, float]
    exposure: float
    vignetting: float
    glare: float
    toe: float
    anchor: float

    def applied(self, layers: LayeredDepthImage, focal: float) -> LayeredDepthImage:
        """The layers under this look, photographed with a focal length in long sides.

        Gains and fall-off act on c, glare is added, and all three channels are scaled by the curve of Y.
        """
        gains = torch.tensor([gain * 2.0**self.exposure for gain in self.white_balance])
        color = layers.color * (gains[:, None, None] * self._fall_off(layers, focal))
        color.add_(self.glare)
        for layer in color:
            y = _luminance(layer)
            kept = (y / (y + self.toe).clamp_(min=1e-12)).mul_((self.anchor + self.toe) / self.anchor)
            layer.mul_(kept * kept * kept)
        return LayeredDepthImage(color, layers.coverage, layers.disparity, layers.margin_px)

    def _fall_off(self, layers: LayeredDepthImage, focal: float) -> Tensor:
        """Share of the light that reaches each pixel of the canvas: [H + 2m, W + 2m]."""
        focal_px = focal * max(layers.height, layers.width)
        y, x = (
            (torch.arange(size + 2 * layers.margin_px) + 0.5 - layers.margin_px - 0.5 * size) / focal_px
            for size in (layers.height, layers.width)
        )
        tangents = y.square()[:, None] + x.square()  # squared; cos² θ = 1 / (1 + tan² θ)
        return 1.0 - self.vignetting * (1.0 - (1.0 + tangents).square().reciprocal())


def draw_look(rng: Rng, image: Tensor) -> CameraLook:
    """The look of a camera that has metered an image [3, H, W] in linear light.

    Exposure goes part of the way to middle gray; the toe takes a share of the pixels below a level, both at random.
    """
    warm, green = 2.0 ** (0.5 * (rng.within(0.2) + rng.within(0.2))), 2.0 ** rng.within(0.04)
    gains = (warm, green, 1.0 / warm)
    gray = sum(share * gain for share, gain in zip(_LUMINANCE, gains, strict=True))
    red, green, blue = (gain / gray for gain in gains)
    levels = _luminance(image).flatten().sort().values
    shares = (_log_uniform(rng, *_SHADOWS), _MIDDLE, _BRIGHT)
    shadows, middle, bright = (max(float(levels[int(share * len(levels))]), 1e-4) for share in shares)
    metered = _ADAPTATION * math.log2(_MIDDLE_GRAY / middle)
    exposure = min(max(metered, -1.0), 1.0) + 0.5 * (rng.within(0.5) + rng.within(0.5))
    shadows, anchor = shadows * 2.0**exposure, min(bright * 2.0**exposure, _BRIGHTEST)
    return CameraLook(
        white_balance=(red, green, blue),
        exposure=exposure,
        vignetting=rng.uniform(0.0, 0.6),
        glare=rng.uniform(0.0, _MOST_GLARE) * 2.0**exposure * _mean_light(image),
        toe=min(
            _LONGEST_TOE * anchor,
            _toe(shadows, anchor, _log_uniform(rng, *_BLACK) / shadows),
            _toe(middle * 2.0**exposure, anchor, _LEAST_MIDDLE),
        ),
        anchor=anchor,
    )


def _log_uniform(rng: Rng, low: float, high: float) -> float:
    return 2.0 ** rng.uniform(math.log2(low), math.log2(high))


def _toe(level: float, anchor: float, kept: float) -> float:
    """t of the curve that keeps `anchor` and takes `level` to this share of it; infinite where no curve does."""
    kept = min(kept, 1.0) ** (1 / _SLOPE)  # = Y / (Y + t) · (anchor + t) / anchor
    room = kept * anchor - level
    return level * anchor * (1.0 - kept) / room if room > 0 else math.inf


def _luminance(image: Tensor) -> Tensor:
    """Luminance of linear light [3, H, W]: [H, W]."""
    red, green, blue = (share * channel for share, channel in zip(_LUMINANCE, image, strict=True))
    return red + green + blue


def _mean_light(image: Tensor) -> float:
    """Mean of an image [3, H, W] up to white, summed in an order that does not depend on the number of threads."""
    rows = image.clamp(max=1.0).mean(dim=-1).flatten().tolist()
    return math.fsum(rows) / len(rows)
