from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pipelines.model.unet import UNETS, UNet
from tests.pipelines.model.test_dit import condition, inputs

SIZE = UNETS["unet-tiny"]


@pytest.fixture
def model() -> UNet:
    """Weights as after some training: nothing is zero any more."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = UNet(SIZE, has_blur_map=True)
        for weight in model.parameters():
            weight.data += 0.05 * torch.randn_like(weight)
    return model.eval()


def test_training_begins_with_the_photo_as_it_is() -> None:
    given = condition()
    torch.testing.assert_close(UNet(SIZE)(*inputs(), given), given.reference)


@pytest.mark.parametrize("name", ["reference", "disparity", "own_defocus", "asked_defocus", "blur_level"])
def test_everything_that_is_told_counts(model: UNet, name: str) -> None:
    given = condition()
    other = type(given)(**{**vars(given), name: getattr(given, name) * 0.5 + 0.1})
    assert (model(*inputs(), given) - model(*inputs(), other)).abs().max() > 1e-3


def test_a_tile_is_worked_on_as_the_whole_is(model: UNet) -> None:
    """No convolution sees the picture as a whole: far from its rim a tile gives the pixels of the whole picture."""
    whole, (noisy, time) = replace(condition(1, 48, 160), own_defocus=torch.zeros(1, 1, 48, 160)), inputs(1, 48, 160)
    pictures = {
        name: value for name, value in vars(whole).items() if isinstance(value, torch.Tensor) and value.ndim == 4
    }
    tile = replace(whole, **{name: value[..., :128] for name, value in pictures.items()})
    made, again = model(noisy, time[:1], whole), model(noisy[..., :128], time[:1], tile)
    torch.testing.assert_close(made[..., :64], again[..., :64], atol=1e-4, rtol=1e-4)


def test_other_sizes_are_refused(model: UNet) -> None:
    with pytest.raises(ValueError, match="multiples of 8 px, got 16 x 20"):
        model(*inputs(2, 16, 20), condition(2, 16, 20))
