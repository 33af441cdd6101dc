"""Coverage: pieces of one surface add up; nearer surfaces come first."""

from __future__ import annotations

import torch

from simulator.reference.scatter import laid_nearest_first
from simulator.scatter.composite import Film
from tests.simulator.closeness import assert_close

CPU = torch.device("cpu")


def group(light: float, coverage: float) -> torch.Tensor:
    return torch.tensor([light, light, light, coverage])[None, :, None, None].repeat(1, 1, 2, 2)


def test_film_equals_its_twin() -> None:
    random = torch.Generator().manual_seed(5)
    groups = [torch.rand(4, 5, 6, generator=random) for _ in range(4)]
    film = Film.unexposed(1, 5, 6, CPU)
    for g in groups:
        film.expose(g[None].clone())
    assert_close(film.developed()[0], laid_nearest_first(groups), atol=1e-5, what="film against twin")


def test_pieces_of_one_surface_add_up_to_one() -> None:
    film = Film.unexposed(1, 2, 2, CPU)
    film.expose(group(0.4 * 0.5, 0.4))
    film.expose(group(0.6 * 0.5, 0.6))
    film.expose(group(9.0, 1.0))  # nothing is left for what lies behind
    assert_close(film.developed()[0], torch.full((3, 2, 2), 0.5), atol=1e-6, what="surface of two pieces")


def test_what_no_surface_covers_is_shared_by_those_that_are_seen() -> None:
    film = Film.unexposed(1, 2, 2, CPU)
    film.expose(group(0.25 * 0.8, 0.25))
    assert_close(film.developed()[0], torch.full((3, 2, 2), 0.8), atol=1e-6, what="a quarter of the lens")


def test_a_film_handed_on_as_a_group_is_the_same_light() -> None:
    film, final = Film.unexposed(1, 2, 2, CPU), Film.unexposed(1, 2, 2, CPU)
    film.expose(group(0.3, 0.5))
    film.expose(group(0.1, 0.5))
    final.expose(film.as_group())
    assert_close(final.developed(), film.developed(), atol=1e-6, what="handed on")


def test_films_of_some_frames_are_kept() -> None:
    """Neighbours share the memory; others are copies that are put back."""
    for frames in ([1, 2], [0, 2]):
        film = Film.unexposed(3, 2, 2, CPU)
        some = film.of(frames)
        some.expose(group(0.5, 1.0).repeat(2, 1, 1, 1))
        film.keep(frames, some)
        lit = film.light.amax(dim=(1, 2, 3))
        assert [i for i in range(3) if lit[i] > 0] == frames
        assert [i for i in range(3) if float(film.free[i].max()) < 1.0] == frames
