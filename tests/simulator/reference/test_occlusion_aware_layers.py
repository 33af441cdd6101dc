"""The image formation of Ikoma et al. (ICCP 2021) against its equation written out for one and for two layers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from simulator import Aperture, ThinLens
from simulator.reference.scatter import occlusion_aware_layers

K_PX = 8.0
ROUNDING = 2e-5  # float32 transforms


def _blurred(content: Tensor, radius_px: float) -> Tensor:
    """[C, H, W] convolved with the disc, the edge repeated."""
    mask = Aperture().mask(radius_px).float()
    half = mask.shape[0] // 2
    padded = F.pad(content[None], (half,) * 4, mode="replicate")[0]
    return F.conv2d(padded[:, None], mask[None, None])[:, 0]


@pytest.fixture
def image() -> Tensor:
    return torch.rand(3, 24, 31, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("focus", [0.5, 0.0, 1.0])
def test_one_layer_is_a_convolution(image: Tensor, focus: float) -> None:
    frame = occlusion_aware_layers(image, torch.full((24, 31), 0.5), ThinLens(focus, K_PX))
    torch.testing.assert_close(frame, _blurred(image, K_PX * abs(0.5 - focus)), atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("focus", [0.25, 0.75, 0.4])
def test_two_layers_are_the_equation(image: Tensor, focus: float) -> None:
    near = torch.zeros(24, 31)
    near[6:18, 8:20] = 1.0
    frame = occlusion_aware_layers(image, near, ThinLens(focus, K_PX), planes=2)  # layers at D = 1/4 and 3/4
    r_far, r_near = K_PX * abs(0.25 - focus), K_PX * abs(0.75 - focus)
    far_share = _blurred((1 - near)[None], r_far)  # = E of the farthest layer, whose alpha is 1 wherever E > 0
    seen = far_share > 1e-3
    far = torch.where(seen, _blurred(image * (1 - near), r_far) / far_share.clamp(min=1e-3), 0.0)
    near_share = _blurred(near[None], r_near)  # E = 1: no layer is nearer
    expected = _blurred(image * near, r_near) + far * (1 - near_share)
    clear = (far_share > 1e-2) | (far_share < 1e-6)  # in between, rounding decides what is there
    torch.testing.assert_close(frame * clear, expected * clear, atol=1e-3, rtol=0)
    assert float(clear.float().mean()) > 0.9


def test_light_in_front_hides_what_is_behind() -> None:
    """The near layer's inside shows nothing of the layer behind, however strongly that is blurred."""
    near = torch.zeros(24, 48)
    near[:, 24:] = 1.0
    image = torch.where(near > 0, 0.0, 1.0).expand(3, 24, 48)
    frame = occlusion_aware_layers(image, near, ThinLens(1.0 - 1 / 64, 6.0))
    assert float(frame[:, :, 24:].max()) < 1e-3
