"""Coverage: pieces of one surface add up; nearer surfaces come first."""

from __future__ import annotations

import torch

from simulator.reference.scatter import composited_nearest_first
from simulator.scatter.composite import Compositor
from tests.simulator.closeness import assert_close

CPU = torch.device("cpu")


def group(light: float, coverage: float) -> torch.Tensor:
    return torch.tensor([light, light, light, coverage])[None, :, None, None].repeat(1, 1, 2, 2)


def test_compositor_equals_its_twin() -> None:
    random = torch.Generator().manual_seed(5)
    groups = [torch.rand(4, 5, 6, generator=random) for _ in range(4)]
    compositor = Compositor.empty(1, 5, 6, CPU)
    for g in groups:
        compositor.add(g[None].clone())
    assert_close(
        compositor.normalized()[0], composited_nearest_first(groups), atol=1e-5, what="compositor against twin"
    )


def test_pieces_of_one_surface_add_up_to_one() -> None:
    compositor = Compositor.empty(1, 2, 2, CPU)
    compositor.add(group(0.4 * 0.5, 0.4))
    compositor.add(group(0.6 * 0.5, 0.6))
    compositor.add(group(9.0, 1.0))  # nothing is left for what lies behind
    assert_close(compositor.normalized()[0], torch.full((3, 2, 2), 0.5), atol=1e-6, what="surface of two pieces")


def test_what_no_surface_covers_is_shared_by_those_that_are_seen() -> None:
    compositor = Compositor.empty(1, 2, 2, CPU)
    compositor.add(group(0.25 * 0.8, 0.25))
    assert_close(compositor.normalized()[0], torch.full((3, 2, 2), 0.8), atol=1e-6, what="a quarter of the lens")


def test_light_added_to_selected_frames_is_stored() -> None:
    """Consecutive frames are a view; others are a copy that is written back."""
    for frames in ([1, 2], [0, 2]):
        compositor = Compositor.empty(3, 2, 2, CPU)
        selected = compositor.select(frames)
        selected.add(group(0.5, 1.0).repeat(2, 1, 1, 1))
        compositor.write_back(frames, selected)
        lit = compositor.light.amax(dim=(1, 2, 3))
        assert [i for i in range(3) if lit[i] > 0] == frames
        assert [i for i in range(3) if float(compositor.free[i].max()) < 1.0] == frames


def test_a_gap_of_rounding_is_given_to_what_is_there() -> None:
    """Nothing shows through 2 % of the lens; of what shows through half of it, close to half is seen."""
    for taken, seen in ((0.98, 0.0), (0.5, 0.5)):
        compositor = Compositor.empty(1, 2, 2, CPU)
        compositor.add(group(0.2 * taken, taken))
        compositor.close_gaps()
        compositor.add(group(1.0, 1.0))
        expected = torch.full((3, 2, 2), 0.2 + 0.8 * seen)
        assert_close(compositor.normalized()[0], expected, atol=0.008, what=f"{taken} of the lens taken")


def test_a_hidden_surface_takes_what_visible_ones_lost_before_farther_ones_do() -> None:
    """A hidden surface continues what is seen: a share that visible groups gave up is its, at most its own again."""
    for lost, own in ((0.0, 0.3), (0.2, 0.42), (9.0, 0.5)):
        compositor = Compositor.empty(1, 2, 2, CPU)
        compositor.add(group(0.0, 0.5))
        compositor.lost.fill_(lost)
        compositor.add(group(0.3, 0.3))  # white, hidden
        assert_close(compositor.light, torch.full((1, 3, 2, 2), own), atol=1e-6, what=f"lost {lost}")
        compositor.add(group(9.0, 1.0))
        left = torch.full((1, 3, 2, 2), own + 9.0 * (0.5 - own))
        assert_close(compositor.light, left, atol=1e-5, what=f"what is left of {lost} for what lies behind")


def test_what_nearer_groups_look_through_is_lost_to_farther_ones_and_known() -> None:
    """Two halves of the lens on the same side: the second group loses nearly all that it would have taken."""
    ramp = torch.linspace(0.0, 1.0, 32).expand(4, 32)
    compositor = Compositor.empty(1, 4, 32, CPU)
    for _ in range(2):
        compositor.add(torch.stack([ramp, ramp, ramp, ramp])[None].clone(), [[16.0]])
    total = compositor.lost[0, 0, 1:-1, 8:24]
    assert bool((total > 0.1).all())
    kept = 1.0 - compositor.free[0, 0, 1:-1, 8:24] - ramp[1:-1, 8:24]
    assert_close(kept + total, (1.0 - ramp)[1:-1, 8:24].minimum(ramp[1:-1, 8:24]), atol=1e-5, what="taken and lost")
