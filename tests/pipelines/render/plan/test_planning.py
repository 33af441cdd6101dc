"""A data set that grows: new photos, rejects tried again, and beginning anew. Whole runs over small photos."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.errors import UserError
from pipelines.render.config import GrowthConfig, RenderConfig
from pipelines.render.plan.splits import UNASSIGNED
from pipelines.render.run import forecast, render
from shards.validate import validate
from tests.pipelines.render.photos.photo_examples import scenery
from tests.pipelines.tiny_photos import tar_sums, write_photo


def growing(config: RenderConfig, **flags: bool) -> RenderConfig:
    return dataclasses.replace(config, growth=GrowthConfig(**flags))


def rejected_names(out: Path) -> list[str]:
    return [json.loads(line)["path"] for line in (out / "rejects.jsonl").read_text().splitlines()]


def test_new_photos_come_into_shards_of_their_own(finished: RenderConfig) -> None:
    before = tar_sums(finished.out)
    folder = Path(finished.source.photos)
    write_photo(folder / "a_new_one.png", seed=5)  # sorts before all others
    said = forecast(growing(finished, append=True))
    assert (said.photos, said.shards) == (6, 4)
    result = render(growing(finished, append=True))
    assert (result.photos, result.samples, result.exit_code) == (6, 6, 0)
    after = tar_sums(finished.out)
    assert before.items() <= after.items()
    assert set(after) - set(before) == {"train-000003.tar"}
    assert validate(finished.out).complaints == ()
    assert render(finished).samples == 6  # all six are known now: nothing to append


def test_photos_from_another_folder_are_added_and_what_was_left_out_stays_known(
    tiny_config: RenderConfig, tmp_path: Path
) -> None:
    (Path(tiny_config.source.photos) / "broken.jpg").write_bytes(b"\xff\xd8 no")
    copy = Path(tiny_config.source.photos) / "z_copy.png"
    copy.write_bytes((Path(tiny_config.source.photos) / "photo_0.png").read_bytes())
    render(tiny_config)
    shutil.move(tiny_config.source.photos, tmp_path / "elsewhere")
    (tmp_path / "more").mkdir()
    write_photo(tmp_path / "more" / "one.png", seed=7)
    source = dataclasses.replace(tiny_config.source, photos=str(tmp_path / "more"))
    more = growing(dataclasses.replace(tiny_config, source=source), append=True)
    with pytest.raises(UserError, match=r"gone or changed and 1 are new .*--append"):
        render(growing(more))
    result = render(more)
    assert (result.samples, result.rejected) == (6, 2)
    assert rejected_names(tiny_config.out) == ["broken.jpg", "z_copy.png"]
    assert render(more).samples == 6
    assert validate(tiny_config.out).complaints == ()


def test_a_photo_that_vanished_before_its_shard_was_made_is_rejected(
    tiny_config: RenderConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.pipelines.render.test_run import at_sample, fail

    with monkeypatch.context() as patch:
        at_sample(patch, 3, fail(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            render(tiny_config)
    (Path(tiny_config.source.photos) / "photo_3.png").unlink()
    result = render(growing(tiny_config, append=True))
    assert (result.samples, result.rejected_by_code) == (4, {"photo/missing": 1})


def test_rejected_photos_are_tried_again_once_each(tiny_config: RenderConfig) -> None:
    folder = Path(tiny_config.source.photos)
    sidecars = [folder / f"photo_{number}.disparity.png" for number in (1, 3)]
    kept = [path.read_bytes() for path in sidecars]
    for path in sidecars:
        path.unlink()
    assert render(tiny_config).rejected == 2
    before = tar_sums(tiny_config.out)
    sidecars[0].write_bytes(kept[0])
    result = render(growing(tiny_config, retry_rejected=True))
    assert (result.photos, result.samples, result.rejected) == (5, 4, 1)
    assert rejected_names(tiny_config.out) == ["photo_3.png"]
    assert before.items() <= tar_sums(tiny_config.out).items()
    sidecars[1].write_bytes(kept[1])
    result = render(growing(tiny_config, retry_rejected=True))
    assert (result.samples, result.rejected) == (5, 0)
    assert (tiny_config.out / "rejects.jsonl").read_text() == ""
    assert render(growing(tiny_config, retry_rejected=True)).seconds_by_stage == {}  # nothing is left to try
    assert validate(tiny_config.out).complaints == ()


def test_a_data_set_is_begun_anew_only_when_asked(finished: RenderConfig) -> None:
    other = dataclasses.replace(finished, seed=9)
    with pytest.raises(UserError, match="seed was 0, now 9"):
        render(other)
    old = tar_sums(finished.out)
    (finished.out / "notes.txt").write_text("mine")
    (finished.out / "shards" / "val-000007.tar").write_bytes(b"of a plan that is gone")
    write_photo(Path(finished.source.photos) / "photo_5.png", seed=5)
    (Path(finished.source.photos) / "photo_0.disparity.png").unlink()
    said = forecast(growing(other, overwrite=True))  # of the new data set, not of what is finished of the old
    assert (said.photos, said.rejected_by_code) == (6, {"depth/sidecar_missing": 1})
    result = render(growing(other, overwrite=True))
    assert (result.samples, result.exit_code) == (5, 0)
    assert set(tar_sums(finished.out)) == set(old)
    assert not set(tar_sums(finished.out).values()) & set(old.values())
    assert (finished.out / "notes.txt").read_text() == "mine"
    assert validate(finished.out).complaints == ()


def test_overwriting_takes_no_other_folder(tiny_config: RenderConfig) -> None:
    photos = Path(tiny_config.source.photos)
    before = sorted(photos.iterdir())
    with pytest.raises(UserError, match="holds other things than a data set"):
        render(growing(dataclasses.replace(tiny_config, out=photos), overwrite=True))
    assert sorted(photos.iterdir()) == before


@pytest.mark.parametrize("flag", ["append", "retry_rejected"])
def test_adding_and_beginning_anew_exclude_each_other(flag: str) -> None:
    with pytest.raises(UserError, match="--overwrite must stand without --append"):
        GrowthConfig(overwrite=True, **{flag: True})


def test_near_duplicates_go_into_one_split_and_a_bridge_between_two_is_left_out(
    tiny_config: RenderConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.render.plan import planning

    halves = dataclasses.replace(tiny_config.storage, split_fractions=(0.5, 0.0, 0.5))
    config = dataclasses.replace(tiny_config, storage=halves)
    folder = Path(config.source.photos)
    for number in range(5):
        cv2.imwrite(str(folder / f"photo_{number}.jpg"), scenery(66, 88, number), [cv2.IMWRITE_JPEG_QUALITY, 80])
        copy = folder / f"photo_{number}.disparity.png"
        (folder / f"copy_{number}.disparity.png").write_bytes(copy.read_bytes())
        (folder / f"photo_{number}.jpg").rename(folder / f"copy_{number}.jpg")
    assert render(config).samples == 10
    from shards.reader import read_shards

    split = {sample.record.photo.name: sample.record.split for sample in read_shards(config.out, seed=None)}
    assert all(split[f"photo_{n}.png"] == split[f"copy_{n}.jpg"] for n in range(5))
    assert set(split.values()) == {"train", "test"}
    write_photo(folder / "bridge.png", seed=9)

    def conflicting(_: object, new: NDArray[np.int64], *__: object) -> object:
        return np.full(len(new), UNASSIGNED, np.int8), {int(place): ["test", "train"] for place in new}

    monkeypatch.setattr(planning, "splits_of", conflicting)
    result = render(growing(config, append=True))
    assert result.rejected_by_code == {"plan/near_duplicate": 1}
    assert render(config).rejected_by_code == {"plan/near_duplicate": 1}  # resumed: still left out, no error
