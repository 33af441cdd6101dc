from __future__ import annotations

import pytest
import torch

from pipelines.model.flow import add_noise, flow_loss, velocity, velocity_weight


def pictures(seed: int) -> torch.Tensor:
    return torch.randn(4, 3, 6, 5, generator=torch.Generator().manual_seed(seed))


def test_the_way_begins_at_noise_and_ends_at_the_picture() -> None:
    picture, noise = pictures(0), pictures(1)
    torch.testing.assert_close(add_noise(picture, noise, torch.zeros(4)), noise)
    torch.testing.assert_close(add_noise(picture, noise, torch.ones(4)), picture)


def test_a_perfect_prediction_has_the_straight_line_s_velocity() -> None:
    """v = x − ε wherever one is on the line."""
    picture, noise, time = pictures(0), pictures(1), torch.tensor([0.0, 0.3, 0.7, 0.9])
    seen = add_noise(picture, noise, time)
    torch.testing.assert_close(velocity(picture, seen, time), picture - noise, atol=1e-5, rtol=1e-5)


def test_the_loss_of_the_picture_is_the_loss_of_the_velocity() -> None:
    """‖v̂ − v‖² computed both ways; in float64, as 1/(1 − t)² enlarges rounding."""
    picture, noise, prediction = pictures(0).double(), pictures(1).double(), pictures(2).double()
    time = torch.tensor([0.0, 0.3, 0.7, 0.9], dtype=torch.float64)
    wrong = velocity(prediction, add_noise(picture, noise, time), time) - (picture - noise)
    torch.testing.assert_close(flow_loss(prediction, picture, time), wrong.square().mean((1, 2, 3)))


def test_a_perfect_prediction_costs_nothing_and_a_wrong_one_more_the_later_it_is() -> None:
    picture = pictures(0)
    assert flow_loss(picture, picture, torch.full((4,), 0.5)).tolist() == [0.0] * 4
    costs = flow_loss(picture + 0.1, picture, torch.tensor([0.0, 0.3, 0.6, 0.9]))
    torch.testing.assert_close(costs, 0.01 / (1 - torch.tensor([0.0, 0.3, 0.6, 0.9])) ** 2)


@pytest.mark.parametrize("time", [0.96, 1.0])
def test_the_weight_stays_finite_at_the_end(time: float) -> None:
    assert float(velocity_weight(torch.tensor(time))) == pytest.approx(400.0)


def test_groups_are_pictures_with_one_more_axis() -> None:
    picture, noise, time = pictures(0), pictures(1), torch.tensor([0.1, 0.2, 0.5, 0.8])
    grouped = add_noise(picture.unflatten(0, (2, 2)), noise.unflatten(0, (2, 2)), time.view(2, 2))
    torch.testing.assert_close(grouped.flatten(0, 1), add_noise(picture, noise, time))
