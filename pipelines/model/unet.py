"""A convolutional network of few weights, for one GPU or none: it edits the reference, of any size.

Letters: N pictures, C channels of a level, E deconvolved copies, t time (0 noise, 1 picture).

A U-Net (Ronneberger et al. 2015, arXiv 1505.04597) on pixels gathered two by two: no convolution runs at full size,
none of the detail is lost. Blocks have no norm over the picture, so that a tile is worked on as the whole would be;
their second convolution starts at zero. Each block's features are scaled and shifted per pixel by the maps (Park et al.
2019, arXiv 1903.07291): what a filter should do to a pixel depends on its blur radius, which is a product. Time and
blur level do the same per picture.
It is given the reference deconvolved by its own radii (deconvolution.py) and mixes these copies in, per pixel, beside a
residual: what arithmetic brings back need not be learned, only where it may be trusted.
With `has_blur_map` it also estimates the radius of the reference's own blur, and how far it may be off, from cues that
are computed (blur_cues.py) and what it sees else.
"""

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pipelines.model.blur_cues import CUES, blur_cues
from pipelines.model.condition import MAP_CHANNELS, Condition
from pipelines.model.deconvolution import NOISE_TO_SIGNAL, deconvolved
from pipelines.model.embedding import BLUR_UNIT, TIME_UNIT, SinusoidalMLP
from pipelines.model.recomputed import Recomputed

EMBED = 64
GATHER = 2
"""Pixels are gathered GATHER x GATHER before the first convolution."""


@dataclass(frozen=True)
class UNetSize:
    """Channels of each level, each half the size of the one before; blocks of a level on the way down and up."""

    widths: tuple[int, ...]
    blocks: int

    @property
    def patch_px(self) -> int:
        """Sides of a picture are multiples of this."""
        return GATHER * 2 ** (len(self.widths) - 1)


UNETS = {
    "unet-tiny": UNetSize(widths=(24, 48, 64), blocks=1),
    "unet": UNetSize(widths=(32, 64, 128, 160), blocks=2),
}


class UNet(nn.Module):
    """x̂ from z_t, t and a Condition, for pictures of any size in whole patches."""

    def __init__(self, size: UNetSize, *, has_blur_map: bool = False) -> None:
        super().__init__()
        self.size, self.has_blur_map = size, has_blur_map
        copies = len(NOISE_TO_SIGNAL)
        outputs = 3 + copies + (2 if has_blur_map else 0)
        self.time_embed, self.blur_embed = SinusoidalMLP(EMBED), SinusoidalMLP(EMBED)
        self.null_blur = nn.Parameter(torch.randn(EMBED) * 0.02)
        gathered = GATHER * GATHER
        inputs = 3 + 3 + 3 * copies + CUES + MAP_CHANNELS
        self.first_conv = nn.Conv2d(inputs * gathered, size.widths[0], kernel_size=3, padding=1)
        self.down = nn.ModuleList(_Level(width, size.blocks) for width in size.widths)
        pairs = list(itertools.pairwise(size.widths))
        self.shrink = nn.ModuleList(nn.Conv2d(wide, narrow, kernel_size=2, stride=2) for wide, narrow in pairs)
        self.grow = nn.ModuleList(nn.Conv2d(narrow, 4 * wide, kernel_size=1) for wide, narrow in pairs)
        self.up = nn.ModuleList(_Level(width, size.blocks) for width in size.widths[:-1])
        self.last_conv = nn.Conv2d(size.widths[0], outputs * gathered, kernel_size=3, padding=1)
        for weight in self.last_conv.parameters():
            nn.init.zeros_(weight)
        if has_blur_map:
            hidden = nn.Conv2d(CUES, EMBED, kernel_size=1)
            self.cue_head = nn.Sequential(hidden, nn.SiLU(), nn.Conv2d(EMBED, 2, kernel_size=1))

    def forward(self, noisy: Float[Tensor, "n 3 h w"], time: Float[Tensor, " n"], condition: Condition) -> Tensor:
        """x̂ [N, 3, H, W], with `has_blur_map` [N, 5, H, W] (blur_map.py reads the last two).

        Raises ValueError for sides that are not whole patches.
        """
        height, width = noisy.shape[-2:]
        if height % self.size.patch_px or width % self.size.patch_px:
            raise ValueError(f"pictures must be multiples of {self.size.patch_px} px, got {height} x {width}")
        maps = condition.maps()
        with torch.no_grad(), torch.autocast(noisy.device.type, enabled=False):
            sharper = deconvolved(condition.reference, condition.own_defocus) - condition.reference[:, None]
            cues = blur_cues(condition.reference)  # [N, CUES, H, W]
        pixels = torch.cat([noisy, condition.reference, sharper.flatten(1, 2), cues, maps], dim=1)
        conditioning = functional.silu(self._conditioning(time, condition))  # [N, EMBED]
        scales = [functional.avg_pool2d(maps, GATHER * 2**level) for level in range(len(self.size.widths))]
        features = self.first_conv(functional.pixel_unshuffle(pixels, GATHER))  # [N, C, H/2, W/2]
        skipped = []
        for number, level in enumerate(self.down):
            if number:
                skipped.append(features)
                features = self.shrink[number - 1](features)
            features = level(features, scales[number], conditioning)
        for number in reversed(range(len(self.up))):
            grown = functional.pixel_shuffle(self.grow[number](features), 2)
            features = self.up[number](skipped[number] + grown, scales[number], conditioning)
        output = functional.pixel_shuffle(self.last_conv(features), GATHER)  # [N, 3 + E (+ 2), H, W]
        residual, weights, blur_map = output.tensor_split([3, 3 + sharper.shape[1]], dim=1)
        picture = condition.reference + residual + (weights[:, :, None] * sharper).sum(dim=1)
        return torch.cat([picture, blur_map + self.cue_head(cues)], dim=1) if self.has_blur_map else picture

    def _conditioning(self, time: Tensor, condition: Condition) -> Tensor:
        blur = self.blur_embed(torch.log2(condition.blur_level) * BLUR_UNIT)  # [N, EMBED]
        blur = torch.where(condition.is_unconditional[:, None], self.null_blur, blur)
        return self.time_embed(time * TIME_UNIT) + blur


class _Level(nn.Module):
    """Residual blocks at one size."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))

    def forward(self, features: Tensor, maps: Tensor, conditioning: Tensor) -> Tensor:
        block: Recomputed
        for block in self.blocks:  # type: ignore[assignment]
            features = block.run(features, maps, conditioning)
        return features


class _Block(Recomputed):
    """x + conv(silu(conv(x)·(1 + γ) + β)); γ and β of the maps at each pixel and of the conditioning."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.second = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.map_modulation = nn.Conv2d(MAP_CHANNELS, 2 * width, kernel_size=1)
        self.modulation = nn.Linear(EMBED, 2 * width)
        for weight in (*self.second.parameters(), *self.modulation.parameters()):
            nn.init.zeros_(weight)

    def forward(self, features: Tensor, maps: Tensor, conditioning: Tensor) -> Tensor:
        modulation = self.map_modulation(maps) + self.modulation(conditioning)[:, :, None, None]  # [N, 2 C, h, w]
        scale, shift = modulation.chunk(2, dim=1)
        changed: Tensor = self.second(functional.silu(self.first(features) * (1.0 + scale) + shift))
        return features + changed
