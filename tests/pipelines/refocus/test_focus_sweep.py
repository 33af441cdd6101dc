from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.refocus.focus_sweep import QUANTILES, plan_stops, write_sweep


def steps() -> np.ndarray:
    """Ten planes side by side, far to near."""
    return np.repeat(np.linspace(0, 1, 10, dtype=np.float32), 12)[None].repeat(80, 0)


def test_stops_go_from_far_to_near_evenly_and_lie_on_their_disparity() -> None:
    ramp = np.linspace(0, 1, 120, dtype=np.float32)[None].repeat(80, 0)
    stops = plan_stops(ramp, 6)
    np.testing.assert_allclose([stop.disparity for stop in stops], np.linspace(*QUANTILES, 6), atol=0.01)
    for stop in stops:
        assert ramp[int(stop.point[1] * 80), int(stop.point[0] * 120)] == stop.disparity


def test_stops_keep_away_from_silhouettes_and_the_frame() -> None:
    for stop in plan_stops(steps(), 8):
        column, row = stop.point[0] * 120, stop.point[1] * 80
        assert 3 < column % 12 < 9
        assert 3 < row < 77
        assert 3 < column < 117


def test_a_sweep_is_frames_an_animation_there_and_back_and_a_sheet(tmp_path: Path) -> None:
    stops = plan_stops(steps(), 4)
    paths = write_sweep(
        tmp_path / "pull", stops, [np.full((80, 120, 3), round(255 * s.disparity), np.uint8) for s in stops], "a pull"
    )
    assert [path.name for path in paths] == [
        *(f"frame_00{number}.png" for number in range(4)), "pull.webp", "contact_sheet.png",
    ]  # fmt: skip
    grays = [int(np.asarray(Image.open(path))[0, 0, 0]) for path in paths[:4]]
    assert grays == sorted(set(grays))
    with Image.open(paths[4]) as animation:
        assert animation.n_frames == 6  # 0 1 2 3 2 1
        seen = []
        for number in range(6):
            animation.seek(number)
            seen.append(int(np.asarray(animation.convert("RGB"))[40, 60, 0]))
    np.testing.assert_allclose(seen, [grays[i] for i in (0, 1, 2, 3, 2, 1)], atol=6)
    with Image.open(paths[5]) as sheet:
        assert sheet.size[0] > 600
        assert np.asarray(sheet).std() > 20
