"""A diffusion transformer in pixel space: it predicts the clean picture from noise, reference, depth and focus point.

Letters: N pictures, p side of a patch, T = (H/p)·(W/p) patches, C width, A heads, F features of a pixel, M blurred
copies, t time (0 noise, 1 picture), γ scale, β shift, α gate.

There is no autoencoder: a token is a patch of pixels of the noisy target, the reference and the maps of condition.py
(Li and He 2025, arXiv 2511.13720). Time and blur level condition every block through adaLN-Zero (Peebles and Xie 2023,
arXiv 2212.09748, section 3.2):

    x ← x + α·F(LayerNorm(x)·(1 + γ) + β)     γ, β, α linear in the conditioning and 0 at the start

The focus point is one more token; its rotary position is that of the point (positions.py), so it attends to the patch
it lies on, and every patch attends to it. Where depth is known the token also carries the disparity at the point.
Two convolutions see every pixel's features beside its own reference and maps, as a token knows a pixel's radius only
through a product over its whole patch. The last one starts at zero and edits the reference: per pixel it mixes in
blurred copies of the reference (blur_pyramid.py) and adds a residual. Training therefore starts from the unchanged
reference and learns blur early.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pipelines.model.blur_pyramid import SIGMAS, blur_pyramid
from pipelines.model.condition import MAP_CHANNELS, Condition
from pipelines.model.embedding import BLUR_UNIT, TIME_UNIT, SinusoidalMLP
from pipelines.model.positions import apply_rotary, patch_centers, rotary_cos_sin
from pipelines.model.recomputed import Recomputed

INPUT_CHANNELS = 3 + 3 + MAP_CHANNELS  # noisy target, reference, maps
FEATURES = 16  # a pixel, from the tokens to the convolutions
OUTPUT_CHANNELS = 3 + len(SIGMAS)  # residual, and the weight of every blurred copy


@dataclass(frozen=True)
class DiTSize:
    """Size of the network: C channels, blocks, heads, side of a patch in pixels."""

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


class DiT(nn.Module):
    """x̂ from z_t, t and a Condition, for pictures of any size in whole patches."""

    def __init__(self, size: DiTSize) -> None:
        super().__init__()
        self.size = size
        width, patch = size.width, size.patch_px
        self.patch_embed = nn.Conv2d(INPUT_CHANNELS, width, kernel_size=patch, stride=patch)
        self.focus_embed = nn.Linear(2, width)  # of the disparity at the point, and whether it is known
        self.null_focus = nn.Parameter(torch.randn(width) * 0.02)
        self.time_embed = SinusoidalMLP(width)
        self.blur_embed = SinusoidalMLP(width)
        self.null_blur = nn.Parameter(torch.randn(width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, size.heads) for _ in range(size.depth))
        self.final_modulation = nn.Linear(width, 2 * width)
        self.final_proj = nn.Linear(width, FEATURES * patch * patch)
        self.pixel_conv = nn.Conv2d(FEATURES + 3 + MAP_CHANNELS, 2 * FEATURES, kernel_size=3, padding=1)
        self.edit_conv = nn.Conv2d(2 * FEATURES, OUTPUT_CHANNELS, kernel_size=1)
        for weight in (*self.final_modulation.parameters(), *self.edit_conv.parameters()):
            nn.init.zeros_(weight)

    def forward(self, noisy: Float[Tensor, "n 3 h w"], time: Float[Tensor, " n"], condition: Condition) -> Tensor:
        """x̂ [N, 3, H, W]. Raises ValueError for sides that are not whole patches."""
        rows, columns = self._patch_grid(noisy)
        tokens = self._embed_patches(noisy, condition)  # [N, T, C]
        tokens = torch.cat([tokens, self._embed_focus(condition)], dim=1)  # [N, T + 1, C]
        cosine, sine = self._rotary(condition, rows, columns)  # [N, 1, T + 1, C/A/4] each
        conditioning = functional.silu(self._conditioning(time, condition))  # [N, C]
        block: Recomputed
        for block in self.blocks:  # type: ignore[assignment]
            tokens = block.run(tokens, conditioning, cosine, sine)  # [N, T + 1, C]
        scale, shift = self.final_modulation(conditioning)[:, None].chunk(2, dim=-1)  # [N, 1, C] each
        patches = self.final_proj(modulate(tokens[:, :-1], scale, shift))  # [N, T, F p p]
        patches = patches.transpose(1, 2).unflatten(2, (rows, columns))  # [N, F p p, H/p, W/p]
        features = functional.pixel_shuffle(patches, self.size.patch_px)  # [N, F, H, W]
        features = self.pixel_conv(
            torch.cat([features, condition.reference, condition.maps()], dim=1)
        )  # [N, 2 F, H, W]
        pixels = self.edit_conv(functional.silu(features))  # [N, 3 + M, H, W]
        return self._edit_reference(pixels, condition)  # [N, 3, H, W]

    def _patch_grid(self, noisy: Tensor) -> tuple[int, int]:
        height, width = noisy.shape[-2:]
        patch = self.size.patch_px
        if height % patch or width % patch:
            raise ValueError(f"pictures must be multiples of {patch} px, got {height} x {width}")
        return height // patch, width // patch

    def _embed_patches(self, noisy: Tensor, condition: Condition) -> Tensor:
        channels = torch.cat([noisy, condition.reference, condition.maps()], dim=1)  # [N, 12, H, W]
        patches: Tensor = self.patch_embed(channels)  # [N, C, H/p, W/p]
        return patches.flatten(2).transpose(1, 2)  # [N, T, C]

    def _embed_focus(self, condition: Condition) -> Tensor:
        is_known = condition.validity.amax((1, 2, 3))  # [N]: depth is known for a whole picture or not at all
        point_disparity = is_known * (2.0 * condition.point_disparity - 1.0)  # [N]
        focus_features = torch.stack([point_disparity, is_known], dim=-1)  # [N, 2]
        is_hidden = condition.is_unconditional[:, None]  # [N, 1]
        return torch.where(is_hidden, self.null_focus, self.focus_embed(focus_features))[:, None]  # [N, 1, C]

    def _rotary(self, condition: Condition, rows: int, columns: int) -> tuple[Tensor, Tensor]:
        count, device = condition.focus_point.shape[0], condition.focus_point.device
        patches = patch_centers(rows, columns, device)[None].expand(count, -1, -1)  # [N, T, 2]
        point = torch.where(condition.is_unconditional[:, None], 0.5, condition.focus_point)  # [N, 2]
        point = point * torch.tensor([columns, rows], device=device, dtype=point.dtype)  # [N, 2], in patches
        places = torch.cat([patches, point[:, None]], dim=1)  # [N, T + 1, 2]
        return rotary_cos_sin(places, self.size.width // self.size.heads)

    def _conditioning(self, time: Tensor, condition: Condition) -> Tensor:
        # The logarithm makes twice the radius the same step at any level.
        blur = self.blur_embed(torch.log2(condition.blur_level) * BLUR_UNIT)  # [N, C]
        blur = torch.where(condition.is_unconditional[:, None], self.null_blur, blur)  # [N, C]
        return self.time_embed(time * TIME_UNIT) + blur  # [N, C]

    def _edit_reference(self, pixels: Tensor, condition: Condition) -> Tensor:
        residual, weights = pixels.split([3, len(SIGMAS)], dim=1)  # [N, 3, H, W], [N, M, H, W]
        changes = condition.of_references(self._blur_changes)  # [R, M, 3, H, W]
        weights = weights.unflatten(0, (changes.shape[0], -1))  # [R, n, M, H, W]
        mixed = (weights[:, :, :, None] * changes[:, None]).sum(dim=2).flatten(0, 1)  # [N, 3, H, W]
        return condition.reference + residual + mixed

    def _blur_changes(self, references: Tensor) -> Tensor:
        with torch.autocast(references.device.type, enabled=False):  # half a gray level is lost in 16 bits
            return blur_pyramid(references, self.size.patch_px) - references[:, None]  # [R, M, 3, H, W]


class Block(Recomputed):
    """Attention, then a gated perceptron, each with adaLN-Zero modulation; the gates start at zero.

    The perceptron is SwiGLU (Shazeer 2020, arXiv 2002.05202). It multiplies its inputs: the detail that remains of a
    patch depends on its defocus, which is a product.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.query_norm = nn.RMSNorm(width // heads)
        self.key_norm = nn.RMSNorm(width // heads)
        self.out_proj = nn.Linear(width, width)
        hidden = 8 * width // 3  # as many weights as a perceptron of two layers and four times the width
        self.gate_up_proj = nn.Linear(width, 2 * hidden)
        self.down_proj = nn.Linear(hidden, width)
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, tokens: Tensor, conditioning: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """tokens [N, T, C], conditioning [N, C], cosine and sine [N, 1, T, C/A/4] -> [N, T, C]."""
        modulation = self.modulation(conditioning)[:, None].chunk(6, dim=-1)  # six of [N, 1, C]
        scale, shift, gate = modulation[:3]  # [N, 1, C] each
        tokens = tokens + gate * self._attend(modulate(tokens, scale, shift), cosine, sine)  # [N, T, C]
        scale, shift, gate = modulation[3:]  # [N, 1, C] each
        opening, hidden = self.gate_up_proj(modulate(tokens, scale, shift)).chunk(2, dim=-1)  # [N, T, 8/3 C] each
        return tokens + gate * self.down_proj(functional.silu(opening) * hidden)  # [N, T, C]

    def _attend(self, tokens: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        count, length, width = tokens.shape
        qkv = self.qkv(tokens).view(count, length, 3, self.heads, width // self.heads)  # [N, T, 3, A, C/A]
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # three of [N, A, T, C/A]
        query = apply_rotary(self.query_norm(query), cosine, sine)  # [N, A, T, C/A]
        key = apply_rotary(self.key_norm(key), cosine, sine)  # [N, A, T, C/A]
        attended = functional.scaled_dot_product_attention(query, key, value.to(query.dtype))  # [N, A, T, C/A]
        return self.out_proj(attended.transpose(1, 2).reshape(count, length, width))  # [N, T, C]


def modulate(tokens: Float[Tensor, "n t c"], scale: Float[Tensor, "n 1 c"], shift: Float[Tensor, "n 1 c"]) -> Tensor:
    """LayerNorm(x)·(1 + γ) + β; the norm has no weights of its own."""
    return functional.layer_norm(tokens, tokens.shape[-1:]) * (1.0 + scale) + shift
