"""A pixel-space diffusion transformer that predicts the clean picture from noise, a reference, depth and a click.

Letters: N pictures, p side of a patch, T = (H/p)·(W/p) patches, C width, A heads, t time (0 noise, 1 picture).

No autoencoder: a token is a patch of pixels of the noisy target, the reference, disparity and validity (Li and He 2025,
arXiv 2511.13720). Time and blur level steer every block through adaLN-Zero (Peebles and Xie 2023, arXiv 2212.09748).
The focus point is one more token with the rotary position of the place it stands for (positions.py): it finds the
patch it lies on, and every patch finds it. Where depth is known the token also carries the disparity at the point.
The last layer begins at zero and changes the reference: it mixes in more or less blurred copies, pixel by pixel, and
adds what no copy has (blur_pyramid.py). So training starts from "leave the photo as it is", and blur is soon learnt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from pipelines.model.blur_pyramid import SIGMAS, blur_pyramid
from pipelines.model.positions import patch_places, rotated, rotations

CHANNELS = 3 + 3 + 1 + 1  # noisy target, reference, disparity, validity
OUTPUTS = 3 + len(SIGMAS)  # what is added, and the share of every blurred copy


@dataclass(frozen=True)
class DiTSize:
    """How large the network is."""

    width: int
    depth: int
    heads: int
    patch_px: int

    def __post_init__(self) -> None:
        if self.width % self.heads or (self.width // self.heads) % 8:
            raise ValueError(f"width must be heads times a multiple of 8, got {self.width} and {self.heads}")


SIZES = {
    "tiny": DiTSize(width=128, depth=4, heads=4, patch_px=8),
    "slim": DiTSize(width=384, depth=12, heads=6, patch_px=16),
    "base": DiTSize(width=768, depth=12, heads=12, patch_px=16),
}


@dataclass(frozen=True, eq=False)
class Condition:
    """What N predictions are to be made from. Pictures are display values in [-1, 1].

    Attributes:
        reference: the photo.
        disparity: D in [0, 1], bigger is nearer; 0 where validity is 0.
        validity: 1 where disparity is known, else 0.
        focus_point: (x, y) in [0, 1]; beyond it only where validity is 1.
        point_disparity: D at the focus point; counts where depth is known.
        blur_level: percent of the picture's long side, > 0.
        is_withheld: True where focus point and blur level are not told.
    """

    reference: Float[Tensor, "n 3 h w"]
    disparity: Float[Tensor, "n 1 h w"]
    validity: Float[Tensor, "n 1 h w"]
    focus_point: Float[Tensor, "n 2"]
    point_disparity: Float[Tensor, " n"]
    blur_level: Float[Tensor, " n"]
    is_withheld: Bool[Tensor, " n"]


class DiT(nn.Module):
    """x̂ from z_t, t and a Condition, for pictures of any size that is whole patches."""

    def __init__(self, size: DiTSize) -> None:
        super().__init__()
        self.size = size
        width, patch = size.width, size.patch_px
        self.patches = nn.Conv2d(CHANNELS, width, kernel_size=patch, stride=patch)
        self.focus = nn.Linear(2, width)  # disparity at the point, whether it is known
        self.no_focus = nn.Parameter(torch.randn(width) * 0.02)
        self.time = SinusoidalMLP(width)
        self.blur = SinusoidalMLP(width)
        self.no_blur = nn.Parameter(torch.randn(width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, size.heads) for _ in range(size.depth))
        self.last_scale_shift = nn.Linear(width, 2 * width)
        self.last = nn.Linear(width, OUTPUTS * patch * patch)
        for layer in (self.last_scale_shift, self.last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, noisy: Float[Tensor, "n 3 h w"], time: Float[Tensor, " n"], condition: Condition) -> Tensor:
        """x̂ [N, 3, H, W]. Raises ValueError for sides that are not whole patches."""
        height, width = noisy.shape[-2:]
        patch = self.size.patch_px
        if height % patch or width % patch:
            raise ValueError(f"pictures must be multiples of {patch} px, got {height} x {width}")
        rows, columns = height // patch, width // patch
        seen = [noisy, condition.reference, 2.0 * condition.disparity - condition.validity, condition.validity]
        image = self.patches(torch.cat(seen, dim=1))  # [N, C, H/p, W/p]
        tokens = image.flatten(2).transpose(1, 2)  # [N, T, C]
        tokens = torch.cat([tokens, self._focus_token(condition)], dim=1)  # [N, T + 1, C]
        cosine, sine = self._rotations(condition, rows, columns)  # [N, 1, T + 1, C/A/4] each
        steering = functional.silu(self._steering(time, condition))  # [N, C]
        for block in self.blocks:
            tokens = block(tokens, steering, cosine, sine)  # [N, T + 1, C]
        scale, shift = self.last_scale_shift(steering)[:, None].chunk(2, dim=-1)  # [N, 1, C] each
        pixels = self.last(normed(tokens[:, :-1]) * (1.0 + scale) + shift)  # [N, T, 7 p p]
        pixels = pixels.transpose(1, 2).reshape(-1, OUTPUTS * patch * patch, rows, columns)  # [N, 7 p p, H/p, W/p]
        added, shares = functional.pixel_shuffle(pixels, patch).split([3, len(SIGMAS)], dim=1)  # [N, 3 | 4, H, W]
        blurs = blur_pyramid(condition.reference, patch) - condition.reference[:, None]  # [N, 4, 3, H, W]
        return condition.reference + added + (shares[:, :, None] * blurs).sum(dim=1)  # [N, 3, H, W]

    def _focus_token(self, condition: Condition) -> Tensor:
        known = condition.validity.amax((1, 2, 3))  # [N]: depth is there or withheld as a whole
        told = torch.stack([known * (2.0 * condition.point_disparity - 1.0), known], dim=-1)  # [N, 2]
        withheld = condition.is_withheld[:, None]  # [N, 1]
        return torch.where(withheld, self.no_focus, self.focus(told))[:, None]  # [N, 1, C]

    def _rotations(self, condition: Condition, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        count, device = condition.focus_point.shape[0], condition.focus_point.device
        patches = patch_places(rows, columns, device)[None].expand(count, -1, -1)  # [N, T, 2]
        point = torch.where(condition.is_withheld[:, None], 0.5, condition.focus_point)  # [N, 2]
        point = point * torch.tensor([columns, rows], device=device, dtype=point.dtype)  # [N, 2], in patches
        places = torch.cat([patches, point[:, None]], dim=1)  # [N, T + 1, 2]
        return rotations(places, self.size.width // self.size.heads)

    def _steering(self, time: Tensor, condition: Condition) -> Tensor:
        # Blur is judged by ratio: twice the radius is the same step from any level.
        blur = self.blur(torch.log2(condition.blur_level) * BLUR_UNIT)  # [N, C]
        return self.time(time * TIME_UNIT) + torch.where(condition.is_withheld[:, None], self.no_blur, blur)


class Block(nn.Module):
    """Attention and a gated perceptron, each steered by scale, shift and gate; the gates begin closed.

    The perceptron multiplies (SwiGLU, Shazeer 2020, arXiv 2002.05202): how much of a patch's detail stays hangs on
    its defocus, which is a product that sums of plain units have to imitate.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.query_norm = nn.RMSNorm(width // heads)
        self.key_norm = nn.RMSNorm(width // heads)
        self.mixed = nn.Linear(width, width)
        hidden = 8 * width // 3  # as many weights as a plain perceptron of four times the width
        self.wide = nn.Linear(width, 2 * hidden)
        self.narrow = nn.Linear(hidden, width)
        self.steer = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.steer.weight)
        nn.init.zeros_(self.steer.bias)

    def forward(self, tokens: Tensor, steering: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """tokens [N, T, C], steering [N, C], rotations [N, 1, T, half] -> [N, T, C]."""
        steer = self.steer(steering)[:, None].chunk(6, dim=-1)  # six of [N, 1, C]
        scale, shift, gate = steer[:3]
        tokens = tokens + gate * self._attend(normed(tokens) * (1.0 + scale) + shift, cosine, sine)  # [N, T, C]
        scale, shift, gate = steer[3:]
        opening, hidden = self.wide(normed(tokens) * (1.0 + scale) + shift).chunk(2, dim=-1)  # two of [N, T, 8/3 C]
        return tokens + gate * self.narrow(functional.silu(opening) * hidden)  # [N, T, C]

    def _attend(self, tokens: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        count, length, width = tokens.shape
        qkv = self.qkv(tokens).view(count, length, 3, self.heads, width // self.heads)  # [N, T, 3, A, C/A]
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # three of [N, A, T, C/A]
        query = rotated(self.query_norm(query), cosine, sine)  # [N, A, T, C/A]
        key = rotated(self.key_norm(key), cosine, sine)  # [N, A, T, C/A]
        seen = functional.scaled_dot_product_attention(query, key, value.to(query.dtype))  # [N, A, T, C/A]
        return self.mixed(seen.transpose(1, 2).reshape(count, length, width))  # [N, T, C]


TIME_UNIT = 1000.0
BLUR_UNIT = 100.0
_LONGEST_PERIOD = 10_000.0


class SinusoidalMLP(nn.Module):
    """A number to C channels: sines and cosines of 32 frequencies, then two layers."""

    def __init__(self, width: int, frequencies: int = 32) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.first, self.second = nn.Linear(2 * frequencies, width), nn.Linear(width, width)

    def forward(self, value: Float[Tensor, " n"]) -> Float[Tensor, "n c"]:
        """[N] -> [N, C]."""
        steps = torch.arange(self.frequencies, device=value.device, dtype=torch.float32)  # [32]
        angles = value.float()[:, None] * torch.exp(-math.log(_LONGEST_PERIOD) * steps / self.frequencies)  # [N, 32]
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1)  # [N, 64]
        return self.second(functional.silu(self.first(waves)))  # [N, C]


def normed(tokens: Tensor) -> Tensor:
    """Layer norm without weights: scale and shift come from the steering."""
    return functional.layer_norm(tokens, tokens.shape[-1:])
