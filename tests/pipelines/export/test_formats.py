"""Each export, read by what it is for as far as that installs here; else by the keys that its documentation names."""

from __future__ import annotations

import io
import json
from pathlib import Path

import datasets
import numpy as np
import pytest
import yaml
from PIL import Image

from pipelines.errors import UserError
from pipelines.export.config import ExportConfig
from pipelines.export.run import export
from shards import read_shards
from simulator.optics.lens import PhysicalLens
from tests.pipelines.export.conftest import Export, stored

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib  # type: ignore[no-redef]


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def names(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir()}


def field_of(fields: dict[str, bytes], picture: str) -> bytes:
    return fields["aif.jpg" if picture == "aif" else f"frame_{picture[1:]}.jpg"]


@pytest.mark.parametrize("kind", ["aif-to-frame", "frame-to-frame", "frame-to-aif"])
def test_pairs_are_stored_bytes_under_one_stem(out: Path, run: Export, tmp_path: Path, kind) -> None:
    to = tmp_path / "pairs"
    run(to, pairs=kind, control="disparity", per_scene=3)
    listed, samples = rows(to / "metadata.jsonl"), stored(out)
    assert len(listed) == 15
    assert names(to / "target") == names(to / "control") == names(to / "control2")
    for row in listed:
        fields = samples[row["key"]][1]
        assert (to / row["image"]).read_bytes() == field_of(fields, row["target_picture"])
        assert (to / row["edit_image"][0]).read_bytes() == field_of(fields, row["source_picture"])
        assert (to / row["image"]).with_suffix(".txt").read_text() == row["caption"] == row["prompt"]
        assert row["image_path"] == row["image"]
        assert [row["control_path_0"], row["control_path_1"]] == row["edit_image"]
        assert (row["blur_level"] == 0.0) == (row["target_picture"] == "aif")
        gray = np.asarray(Image.open(to / row["edit_image"][1]))
        np.testing.assert_array_equal(gray, np.rint(samples[row["key"]][0].disparity / 257))
    assert len({tuple(row) for row in listed}) == 1  # same keys, same order


def test_trainers_are_pointed_at_the_folders(run: Export, tmp_path: Path) -> None:
    one, two = tmp_path / 'one "pair"', tmp_path / "two"
    run(one)
    run(two, control="defocus")
    trainers = one / "trainers"
    for to in (one, two):
        (process,) = yaml.safe_load((to / "trainers/ai-toolkit.yaml").read_text())["config"]["process"]
        (data,) = process["datasets"]
        assert Path(data["folder_path"]) == to / "target"
        controls = [str(to / "control"), str(to / "control2")]
        assert data["control_path"] == (controls if to == two else controls[0])
        (folder,) = tomllib.loads((to / "trainers/diffusion-pipe.toml").read_text())["directory"]
        assert folder["control_paths" if to == two else "control_path"] == data["control_path"]
        target, control, text = json.loads((to / "trainers/simpletuner.json").read_text())
        assert target["conditioning_data"] == [control["id"]]
        assert names(Path(target["instance_data_dir"])) == names(Path(control["instance_data_dir"]))
        assert text["dataset_type"] == "text_embeds"
    (musubi,) = tomllib.loads((trainers / "musubi-tuner.toml").read_text())["datasets"]
    assert (musubi["image_directory"], musubi["control_directory"]) == (str(one / "target"), str(one / "control"))
    (musubi,) = tomllib.loads((two / "trainers/musubi-tuner.toml").read_text())["datasets"]
    assert rows(Path(musubi["image_jsonl_file"]))[0]["control_path_1"].startswith("control2/")
    assert "control_path" in rows(one / "metadata.jsonl")[0]


def test_datasets_reads_the_pairs_as_diffusers_asks_for_them(run: Export, tmp_path: Path) -> None:
    run(tmp_path / "pairs", control="defocus", per_scene=1)
    command = (tmp_path / "pairs/trainers/diffusers.sh").read_text()
    row = datasets.load_dataset(str(tmp_path / "pairs"), cache_dir=str(tmp_path / "cache"))["train"][4]
    for flag in ("--image_column", "--cond_image_column"):
        assert row[command.split(flag)[1].split()[0]].size == (24, 16)
    assert "level" in row[command.split("--caption_column")[1].split()[0]]


def test_datasets_reads_parquet(out: Path, run: Export, tmp_path: Path) -> None:
    run(tmp_path / "set.parquet", format="parquet", control="defocus", split="all", per_scene=2)
    read = datasets.load_dataset(str(tmp_path / "set.parquet"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(rows) for name, rows in read.items()} == {"train": 10, "validation": 2}
    row = read["train"][9]
    sample = stored(out)[row["key"]][0]
    frame = int(row["target_picture"][1:])
    np.testing.assert_array_equal(np.asarray(row["cond_image"]), sample.aif)
    np.testing.assert_array_equal(np.asarray(row["image"]), sample.frames[frame])
    labels = sample.record.frames[frame]
    gray = np.asarray(row["control_image"])
    assert gray[int(labels.focus_y * 16), int(labels.focus_x * 24)] == 128  # s = 0 at the focus point
    assert (row["focus_x"], row["blur_scale_px"]) == (labels.focus_x, labels.blur_scale_px)


def test_datasets_reads_frames(out: Path, run: Export, tmp_path: Path) -> None:
    run(tmp_path / "frames", format="frames")
    read = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "frames"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(rows) for name, rows in read.items()} == {"train": 20}
    row = read["train"][6]
    sample = stored(out)[row["key"]][0]
    np.testing.assert_array_equal(np.asarray(row["image"]), sample.frames[2])
    np.testing.assert_array_equal(np.asarray(row["aif"]), sample.aif)
    assert row["focus_disparity"] == sample.record.frames[2].focus_disparity


def test_bokehdepth_lists_absolute_paths_with_k(metric_set: Path, tmp_path: Path) -> None:
    export(ExportConfig(metric_set, tmp_path / "bd", format="bokehdepth", pairs="frame-to-frame", per_scene=12))
    lines, samples = rows(tmp_path / "bd/manifest.jsonl"), {s.key: s for s in read_shards(metric_set, seed=None)}
    assert len(lines) == 24
    assert min(line["photo_id"] for line in lines) > 20_000_000_000
    scales = {label.blur_scale_px for sample in samples.values() for label in sample.record.frames}
    for line in lines:
        assert Image.open(line["input_image_path"]).size == Image.open(line["target_image_path"]).size == (48, 32)
        assert line["camera_anns"]["dof-cond"] in scales
    depth = np.load(lines[-1]["depth_map_path"])["depth"]
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(depth, 1 / samples["00000001"].disparity_values(), rtol=1e-6)


def test_fossa_stacks_are_in_focus_where_they_say(metric_set: Path, tmp_path: Path) -> None:
    to = tmp_path / "fossa"
    export(ExportConfig(metric_set, to, format="fossa", focus_distances_m=(1.1, 3.0), f_number=0.5))
    entry = json.loads((to / "train.json").read_text())["files"][1]
    photo = np.asarray(Image.open(to / entry["image"])).astype(float)
    depth = np.load(to / entry["depth"])
    focal_px = 50 / 36 * 48
    np.testing.assert_allclose(np.load(to / entry["camera"])["K"], [[focal_px, 0, 24], [0, focal_px, 16], [0, 0, 1]])
    np.testing.assert_allclose(np.loadtxt(to / "00000001/gt/K.txt"), np.load(to / entry["camera"])["K"], atol=1e-6)
    for distance in (1.1, 3.0):
        frame = np.asarray(Image.open(to / entry[f"image_ap_0.5_fd_{distance:.1f}"])).astype(float)
        lens = PhysicalLens(50.0, 0.5, 36.0, distance).thin_lens(48)
        radius_px = lens.blur_scale_px * np.abs(1 / depth - lens.focus_disparity)
        change = np.abs(frame - photo).mean(axis=2)
        grows = [change[(low <= radius_px) & (radius_px < low + 0.2)].mean() for low in (0.1, 0.3, 0.5)]
        assert grows[0] < 1 < grows[1] < 10 < grows[2] < 30  # twice the radius: 6 to 9, 30 to 35, 50 to 54


def test_fossa_needs_meters(run: Export, metric_set: Path, tmp_path: Path) -> None:
    message = "--format fossa needs metric disparity; that of sample 00000000 is relative; render with depth in meters"
    with pytest.raises(UserError, match=message):
        run(tmp_path / "fossa", format="fossa")
    run(tmp_path / "fossa", format="pairs")  # the refused command has not taken the folder
    too_near = ExportConfig(metric_set, tmp_path / "near", format="fossa", focus_distances_m=(0.05,))
    with pytest.raises(
        UserError, match="--focus-distances-m does not suit the lens of sample 00000000: focus_distance"
    ):
        export(too_near)


def test_fossa_takes_the_camera_that_labels_lack(metric_set_without_camera: Path, tmp_path: Path) -> None:
    flags = {"out": metric_set_without_camera, "to": tmp_path / "fossa", "format": "fossa", "focus_distances_m": (2.0,)}
    message = r"sample 00000000 must have focal length and sensor width; got 50 and 0 mm; give --focal-length-mm"
    with pytest.raises(UserError, match=message):
        export(ExportConfig(**flags, focal_length_mm=50.0))
    export(ExportConfig(**flags, focal_length_mm=35.0, sensor_width_mm=24.0))
    assert np.loadtxt(tmp_path / "fossa/00000000/gt/K.txt")[0, 0] == pytest.approx(35 / 24 * 48)


def test_archives_of_numpy_have_no_clock() -> None:
    """Same bytes whenever run: the members of an .npz carry a fixed time."""
    import zipfile

    content = io.BytesIO()
    np.savez(content, K=np.eye(3))
    assert zipfile.ZipFile(content).infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)
