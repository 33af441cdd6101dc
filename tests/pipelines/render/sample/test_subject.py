"""What stands out by its depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.render.sample.subject import subject

HEIGHT, WIDTH = 120, 160
EVERYWHERE = np.ones((HEIGHT, WIDTH), np.bool_)


def ground() -> NDArray[np.float32]:
    """It comes nearer downwards."""
    return np.broadcast_to(np.linspace(0, 0.8, HEIGHT, dtype=np.float32)[:, None], (HEIGHT, WIDTH)).copy()


def with_thing(rows: slice, columns: slice, disparity: float) -> NDArray[np.float32]:
    scene = ground()
    scene[rows, columns] = disparity
    return scene


def test_a_person_on_a_rock_is_the_subject_and_the_rock_is_not() -> None:
    """As in the photo that got its planes on water and mountains: a tower of a man on the near ground."""
    found = subject(with_thing(slice(40, 90), slice(90, 110), 0.9), EVERYWHERE)
    assert found is not None
    rows, columns = np.nonzero(found)
    assert 38 <= rows.min() <= rows.max() <= 91  # the grid is coarser by 160 / 96
    assert 88 <= columns.min() <= columns.max() <= 111
    assert found[45:60, 92:108].mean() > 0.9


def test_ground_alone_and_a_flat_wall_have_no_subject() -> None:
    assert subject(ground(), EVERYWHERE) is None
    assert subject(np.full((HEIGHT, WIDTH), 0.3, np.float32), EVERYWHERE) is None


def test_a_speck_is_no_subject() -> None:
    assert subject(with_thing(slice(60, 64), slice(80, 84), 1.0), EVERYWHERE) is None


def test_of_two_things_the_one_in_the_middle_is_the_subject() -> None:
    scene = with_thing(slice(20, 60), slice(70, 90), 0.9)
    scene[20:60, 5:25] = 0.9
    found = subject(scene, EVERYWHERE)
    assert found is not None
    assert found[:, 60:].any()
    assert not found[:, :40].any()


def test_filled_pixels_are_not_part_of_it() -> None:
    known = EVERYWHERE.copy()
    known[:, 100:] = False
    found = subject(with_thing(slice(40, 90), slice(90, 110), 0.9), known)
    assert found is not None
    assert not found[:, 100:].any()
