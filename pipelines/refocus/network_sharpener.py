"""A trained network that predicts the all-in-focus photo, as the sharpener of "sharpen, then render"."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from pipelines.errors import UserError
from pipelines.model.blur_map import blur_map_of
from pipelines.model.checkpoint import TrainedOn
from pipelines.model.condition import Condition


class NetworkSharpener:
    """Weights of a run with --predict photo. max_radius_px: the largest blur radius it was trained on, pixels."""

    def __init__(self, model: nn.Module, trained_on: TrainedOn, device: str) -> None:
        self._model, self._patch_px = model.to(device).eval(), trained_on.patch_px
        self.max_radius_px = trained_on.blur_level_max / 100.0 * max(trained_on.width, trained_on.height)

    def blur_map(
        self, picture: Float[Tensor, "3 h w"], disparity: Float[Tensor, "1 h w"]
    ) -> tuple[Float[Tensor, "h w"], Float[Tensor, "h w"]]:
        """Blur radius of each pixel, and its spread, pixels. Raises UserError for a network without an estimate."""
        output = self._output(picture, disparity, None)
        if len(output) < 5:
            raise UserError(
                "the blur of the photo must be estimated by a convolutional network, got a transformer; "
                "train with --model unet or unet-tiny, or give --photo-focus and --photo-blur-level"
            )
        found = blur_map_of(output[None, 3:])
        return found.radius_px[0], found.spread_px[0]

    def sharpened(
        self, picture: Float[Tensor, "3 h w"], own_defocus_px: Float[Tensor, "h w"], disparity: Float[Tensor, "1 h w"]
    ) -> Float[Tensor, "3 h w"]:
        """The all-in-focus picture, display values in [-1, 1]."""
        return self._output(picture, disparity, own_defocus_px)[:3].clamp(-1.0, 1.0)

    def _output(self, picture: Tensor, disparity: Tensor, own_defocus_px: Tensor | None) -> Tensor:
        """[5, h, w]; what is padded to whole patches is cut off again."""
        height, width = picture.shape[-2:]
        below, right = (-side % self._patch_px for side in (height, width))

        def padded(value: Tensor) -> Tensor:
            mode = "reflect" if below < height and right < width else "replicate"
            return functional.pad(value[None], (0, right, 0, below), mode=mode)

        depth = padded(disparity)  # [1, 1, H, W]
        ones, unknown = torch.ones_like(depth), torch.zeros_like(depth)
        own = unknown if own_defocus_px is None else padded(own_defocus_px[None])
        condition = Condition(
            reference=padded(picture),
            disparity=depth,
            validity=ones,
            focus_point=depth.new_full((1, 2), 0.5),
            point_disparity=depth.new_zeros(1),
            blur_level=depth.new_ones(1),
            is_unconditional=torch.ones(1, dtype=torch.bool, device=depth.device),
            asked_defocus=unknown,
            own_defocus=own,
            own_validity=unknown if own_defocus_px is None else ones,
        )
        with torch.inference_mode():
            output = self._model(torch.zeros_like(condition.reference), depth.new_zeros(1), condition)
        return output[0, :, :height, :width].float().clone()
