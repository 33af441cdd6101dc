from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pipelines.model.condition import Condition
from pipelines.model.dit import SIZES, DiT, DiTSize

SMALL = DiTSize(width=64, depth=2, heads=2, patch_px=8)


def condition(count: int = 2, height: int = 16, width: int = 24, *, known: float = 1.0) -> Condition:
    draws = torch.Generator().manual_seed(5)
    return Condition(
        reference=torch.rand(count, 3, height, width, generator=draws) * 2 - 1,
        disparity=known * torch.rand(count, 1, height, width, generator=draws),
        validity=torch.full((count, 1, height, width), known),
        focus_point=torch.rand(count, 2, generator=draws),
        point_disparity=torch.rand(count, generator=draws),
        blur_level=torch.full((count,), 3.0),
        is_unconditional=torch.zeros(count, dtype=torch.bool),
        asked_defocus=known * 4.0 * torch.randn(count, 1, height, width, generator=draws),
        own_defocus=known * 4.0 * torch.randn(count, 1, height, width, generator=draws),
        own_validity=torch.full((count, 1, height, width), known),
    )


def inputs(count: int = 2, height: int = 16, width: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(6)
    return torch.randn(count, 3, height, width, generator=draws), torch.rand(count, generator=draws)


@pytest.fixture
def model() -> DiT:
    """Weights as after some training: nothing is zero any more."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = DiT(SMALL)
        for weight in model.parameters():
            weight.data += 0.1 * torch.randn_like(weight)
    return model.eval()


def test_training_begins_with_the_photo_as_it_is() -> None:
    given = condition()
    torch.testing.assert_close(DiT(SMALL)(*inputs(), given), given.reference)


@pytest.mark.parametrize(("height", "width"), [(16, 24), (8, 8), (40, 16)])
def test_any_size_of_whole_patches(model: DiT, height: int, width: int) -> None:
    made = model(*inputs(2, height, width), condition(2, height, width))
    assert made.shape == (2, 3, height, width)


def test_other_sizes_are_refused(model: DiT) -> None:
    with pytest.raises(ValueError, match="multiples of 8 px, got 16 x 20"):
        model(*inputs(2, 16, 20), condition(2, 16, 20))


@pytest.mark.parametrize("name", ["reference", "disparity", "focus_point", "point_disparity", "blur_level"])
def test_everything_that_is_told_counts(model: DiT, name: str) -> None:
    given = condition()
    other = replace(given, **{name: getattr(given, name) * 0.5 + 0.1})
    change = model(*inputs(), other) - model(*inputs(), given)
    if name == "reference":
        change -= other.reference - given.reference  # more than what is added behind the last layer
    assert float(change.detach().abs().max()) > 1e-3


def test_time_and_the_noisy_picture_count(model: DiT) -> None:
    noisy, time = inputs()
    made = model(noisy, time, condition())
    assert not torch.allclose(model(noisy, time * 0.5, condition()), made, atol=1e-3)
    assert not torch.allclose(model(noisy + 0.5, time, condition()), made, atol=1e-3)


def test_withheld_focus_and_blur_are_not_seen(model: DiT) -> None:
    given = replace(condition(), is_unconditional=torch.tensor([True, False]))
    other = replace(
        given,
        focus_point=given.focus_point * 0.5,
        blur_level=given.blur_level * 2,
        point_disparity=given.point_disparity * 0.5,
    )
    made, others = model(*inputs(), given), model(*inputs(), other)
    torch.testing.assert_close(made[0], others[0])
    assert not torch.allclose(made[1], others[1], atol=1e-3)


def test_without_depth_the_point_s_disparity_is_not_seen(model: DiT) -> None:
    given = condition(known=0.0)
    other = replace(given, point_disparity=1.0 - given.point_disparity)
    torch.testing.assert_close(model(*inputs(), given), model(*inputs(), other))


def test_withheld_depth_is_not_depth_zero(model: DiT) -> None:
    """Validity tells "far away everywhere" from "nobody knows"."""
    nowhere = condition(known=0.0)
    far = replace(nowhere, validity=torch.ones_like(nowhere.validity))
    assert not torch.allclose(model(*inputs(), nowhere), model(*inputs(), far), atol=1e-3)


def test_the_focus_token_stands_where_its_patch_stands(model: DiT) -> None:
    """The point on the center of patch (row 1, column 2) has that patch's rotary position, at both sizes."""
    for rows, columns in ((2, 3), (5, 4)):
        point = torch.tensor([[2.5 / columns, 1.5 / rows]])
        given = replace(condition(1), focus_point=point)
        cosine, sine = model._rotary(given, rows, columns)  # [1, 1, T + 1, half]
        torch.testing.assert_close(cosine[..., -1, :], cosine[..., columns + 2, :])
        torch.testing.assert_close(sine[..., -1, :], sine[..., columns + 2, :])


def test_pictures_of_a_batch_do_not_see_each_other(model: DiT) -> None:
    noisy, time = inputs(3)
    given = condition(3)
    tensors = {name: value for name, value in vars(given).items() if isinstance(value, torch.Tensor)}
    alone = Condition(**{name: value[1:2] for name, value in tensors.items()})
    torch.testing.assert_close(
        model(noisy, time, given)[1:2], model(noisy[1:2], time[1:2], alone), atol=1e-4, rtol=1e-4
    )


def test_every_weight_learns(model: DiT) -> None:
    given = replace(condition(), is_unconditional=torch.tensor([True, False]))
    model(*inputs(), given).square().mean().backward()
    idle = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert idle == []


@pytest.mark.parametrize(("name", "millions"), [("tiny", 1.51), ("slim", 36), ("base", 134)])
def test_the_sizes_are_as_large_as_they_say(name: str, millions: float) -> None:
    with torch.device("meta"):
        weights = sum(weight.numel() for weight in DiT(SIZES[name]).parameters())
    assert weights / 1e6 == pytest.approx(millions, rel=0.03)


def test_a_head_needs_channels_for_both_axes() -> None:
    with pytest.raises(ValueError, match="a multiple of 8, got 36 and 3"):
        DiTSize(width=36, depth=1, heads=3, patch_px=8)
