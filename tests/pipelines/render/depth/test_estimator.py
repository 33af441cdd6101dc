"""The doors to depth: what `--depth` may say, checked before a run and opened in a worker."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

from pipelines.errors import UserError
from pipelines.render.config import DepthConfig
from pipelines.render.depth import estimator as depth_module
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.depth.estimator import DepthOrigin, check_depth, estimate, open_depth
from pipelines.render.depth.networks import TransformersDepth
from pipelines.render.depth.registry import DEFAULT_MODEL
from pipelines.render.depth.sidecar import SidecarDepth
from tests.pipelines.render.photos.photo_examples import photo_at, slope, source_at

SIDECAR = DepthOrigin("sidecar", "", "", is_noncommercial=False, is_here=True)


@pytest.fixture(autouse=True)
def _no_model_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))


def put_sidecar(path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, slope())
    path.write_bytes(stream.getvalue())


def test_a_model_folder_is_checked_and_opened(relative_checkpoint: Path) -> None:
    (origin,) = check_depth(DepthConfig(str(relative_checkpoint), offline=True))
    assert (origin.source, origin.is_here, origin.license) == ("tiny-relative", True, "")
    assert origin.revision.startswith("sha256:")
    estimator = open_depth(DepthConfig(str(relative_checkpoint), offline=True, depth_batch=3))
    assert isinstance(estimator, TransformersDepth)
    assert estimator.batch_size == 3
    (answer,) = estimate(estimator, [photo_at(Path("/a.jpg"), 90, 120)])
    assert isinstance(answer, DisparityMap)
    assert (answer.source, answer.source_revision) == (origin.source, origin.revision)


def test_a_kind_that_contradicts_the_model_stops_the_run_before_it_starts(relative_checkpoint: Path) -> None:
    with pytest.raises(UserError, match="--depth-kind says metric"):
        check_depth(DepthConfig(str(relative_checkpoint), depth_kind="metric", offline=True))


def test_sidecars_are_checked_and_opened(tmp_path: Path) -> None:
    put_sidecar(tmp_path / "b.disparity.npy")
    photos = [source_at(tmp_path / name) for name in ("a.jpg", "b.jpg")]
    assert check_depth(DepthConfig("sidecar"), photos) == (SIDECAR,)
    assert check_depth(DepthConfig("sidecar")) == (SIDECAR,)
    assert open_depth(DepthConfig("sidecar", depth_kind="relative", depth_dir=tmp_path)) == SidecarDepth(
        tmp_path, "relative"
    )


def test_no_sidecar_anywhere_stops_the_run_before_it_starts(tmp_path: Path) -> None:
    photos = [source_at(tmp_path / name) for name in ("a.jpg", "b.jpg")]
    with pytest.raises(UserError) as caught:
        check_depth(DepthConfig("sidecar"), photos)
    for part in (
        "none of the 2 photos",
        "a.disparity(.png|.npy|.pfm|.npz|.tif|.tiff|.exr)",
        str(tmp_path),
        "--depth-dir",
    ):
        assert part in caught.value.message


def test_what_is_wrong_with_all_sidecars_stops_the_run_before_it_starts(tmp_path: Path) -> None:
    put_sidecar(tmp_path / "a.npy")
    photos = [source_at(tmp_path / "a.jpg")]
    with pytest.raises(UserError, match=r"a\.npy does not say what its numbers are"):
        check_depth(DepthConfig("sidecar"), photos)
    (tmp_path / "depth.json").write_text('{"kind": "metric"}')
    with pytest.raises(UserError, match=r"depth\.json says metric, --depth-kind says relative"):
        check_depth(DepthConfig("sidecar", depth_kind="relative"), photos)
    (tmp_path / "depth.json").write_text("{")
    with pytest.raises(UserError, match=r"depth\.json cannot be used"):
        check_depth(DepthConfig("sidecar"), photos)


def test_a_sidecar_that_cannot_be_read_is_left_to_the_worker(tmp_path: Path) -> None:
    (tmp_path / "a.disparity.png").write_bytes(b"")
    assert check_depth(DepthConfig("sidecar"), [source_at(tmp_path / "a.jpg")]) == (SIDECAR,)


def test_a_depth_dir_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--depth-dir .* must be a folder"):
        check_depth(DepthConfig("sidecar", depth_dir=tmp_path / "gone"))


def test_auto_needs_no_model_where_every_photo_has_a_sidecar(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put_sidecar(tmp_path / f"{name}.disparity.npy")
    photos = [source_at(tmp_path / name) for name in ("a.jpg", "b.jpg")]
    assert check_depth(DepthConfig("auto", offline=True), photos) == (SIDECAR,)
    answers = estimate(open_depth(DepthConfig("auto", offline=True)), [photo_at(tmp_path / "a.jpg")])
    assert isinstance(answers[0], DisparityMap)
    assert answers[0].source == "sidecar"


def test_auto_needs_the_default_model_where_a_photo_has_no_sidecar(tmp_path: Path) -> None:
    put_sidecar(tmp_path / "a.disparity.npy")
    photos = [source_at(tmp_path / name) for name in ("a.jpg", "b.jpg")]
    with pytest.raises(UserError, match=DEFAULT_MODEL):
        check_depth(DepthConfig("auto", offline=True), photos)
    with pytest.raises(UserError, match=DEFAULT_MODEL):
        estimate(open_depth(DepthConfig("auto", offline=True)), [photo_at(tmp_path / "b.jpg")])


def test_auto_takes_sidecars_where_they_lie_and_the_model_for_the_rest(
    tmp_path: Path, relative_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depth_module, "DEFAULT_MODEL", str(relative_checkpoint))
    put_sidecar(tmp_path / "b.disparity.npy")
    sources = [source_at(tmp_path / f"{name}.jpg") for name in "abc"]
    origins = check_depth(DepthConfig("auto", offline=True), sources)
    assert [origin.source for origin in origins] == ["sidecar", "tiny-relative"]
    photos = [photo_at(tmp_path / f"{name}.jpg", 90, 120, seed=i) for i, name in enumerate("abc")]
    answers = estimate(open_depth(DepthConfig("auto", offline=True)), photos)
    assert [getattr(a, "source", a) for a in answers] == ["tiny-relative", "sidecar", "tiny-relative"]
    (alone,) = estimate(open_depth(DepthConfig(str(relative_checkpoint), offline=True)), [photos[2]])
    assert isinstance(alone, DisparityMap)
    assert isinstance(answers[2], DisparityMap)
    np.testing.assert_allclose(answers[2].values, alone.values, atol=1e-4)  # batches order float32 sums differently
