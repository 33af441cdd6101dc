from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import UserError
from pipelines.render.config import LensConfig, RenderConfig, SourceConfig
from pipelines.render.depth.estimator import DepthOrigin
from pipelines.render.plan import fingerprint as fingerprints
from pipelines.render.plan.fingerprint import check_fingerprint, fingerprint, sha256_of
from pipelines.runs.data_set_paths import DataSetPaths
from pipelines.runs.settings import settings_to_json

CONFIG = RenderConfig(SourceConfig("photos"), out=Path("out"), lens=LensConfig(focal_length=35.0, sensor_width=24.0))
MODEL = DepthOrigin("owner/model", "abc123", "", False, True)

# For every knob of the configuration another value; None where it changes no byte, with the reason.
OTHER: dict[str, dict[str, Any]] = {
    "source": {
        "photos": None,  # the plan compares the photos themselves
        "limit": None,  # likewise
        "long_side": 512,
    },
    "depth": {
        "depth": None,  # what it stands for is compared: the model and its revision
        "depth_kind": "metric",
        "depth_revision": None,  # likewise
        "depth_orientation": "stored",
        "depth_dir": Path("depth"),
        "depth_batch": 3,
        "deband_depth": False,
        "sharpen_depth": False,
        "allow_synthetic_depth": None,  # the fingerprint names the shape
        "offline": None,  # the same weights, wherever they come from
    },
    "vetting": {
        "max_blurred": 1.0,
        "min_short_side": 100,
        "max_aspect": 2.0,
        "min_disparity_levels": 8,
        "min_depth_spread": 0.1,
        "max_holes": 0.1,
    },
    "stack": {
        **{"planes": 3, "levels": 2, "blur_level_min": 0.5, "blur_level_max": 5.0, "quality": "exact"},
        "focus_points": "0.3,0.4",
        "f_number": "1.4,2.8,5.6",
    },
    "lens": {
        "lens_recipe": "phone",
        "focal_length": 50.0,
        "sensor_width": 36.0,
        "depth_meters": "1,10",
        "highlights": "off",
        "tone": "shoulder",
        "aperture_mask": Path(__file__),
        "psf": Path(__file__),
    },
    "storage": {
        "samples_per_shard": 8,
        "image_format": "png",
        "split_fractions": (1.0, 0.0, 0.0),
        "near_duplicates": "ignore",
    },
    "growth": dict.fromkeys(("append", "retry_rejected", "overwrite")),  # the plan's business
    "execution": {
        "executor": None,
        "workers": None,
        "ray_address": None,
        "threads": 2,
        "device": None,  # resolved: device_kind
        "cpus_per_gpu": None,
        "workers_per_gpu": None,
        "attempts": None,
        "stall_timeout_s": None,
        "force": None,
    },
    "": {
        "seed": 1,
        **dict.fromkeys(("out", "recipe", "max_reject_fraction", "dry_run", "json")),  # what is said, not what is made
    },
}
GROUPS = ("source", "depth", "vetting", "stack", "lens", "storage", "growth", "execution")


def test_this_table_knows_every_knob() -> None:
    for group in GROUPS:
        assert set(OTHER[group]) == {field.name for field in dataclasses.fields(getattr(CONFIG, group))}
    assert {*OTHER[""], *GROUPS} == {field.name for field in dataclasses.fields(CONFIG)}


@pytest.mark.parametrize(
    ("group", "knob"),
    [(group, knob) for group, knobs in OTHER.items() for knob, value in knobs.items() if value is not None],
)
def test_every_knob_that_changes_bytes_changes_the_fingerprint(group: str, knob: str) -> None:
    changed = with_knob(CONFIG, group, knob, OTHER[group][knob])
    before, now = (fingerprint(config, "cpu", [MODEL]) for config in (CONFIG, changed))
    assert {key for key in now if now[key] != before[key]} == {knob}


def with_knob(config: RenderConfig, group: str, knob: str, value: object) -> RenderConfig:
    if not group:
        return dataclasses.replace(config, **{knob: value})  # type: ignore[arg-type]
    return dataclasses.replace(config, **{group: dataclasses.replace(getattr(config, group), **{knob: value})})


def test_device_and_weights_are_in_it() -> None:
    before = fingerprint(CONFIG, "cpu", [MODEL])
    assert fingerprint(CONFIG, "cuda", [MODEL])["device_kind"] != before["device_kind"]
    newer = dataclasses.replace(MODEL, revision="def456")
    assert fingerprint(CONFIG, "cpu", [newer])["depth"] != before["depth"]
    assert fingerprint(CONFIG, "cpu", [])["depth"] == "exact"


def test_versions_of_libraries_are_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sha256_of(fingerprint(CONFIG, "cpu", []))
    monkeypatch.setattr(fingerprints, "version", lambda library: "99")
    assert sha256_of(fingerprint(CONFIG, "cpu", [])) != before


def paths_in(out: Path) -> DataSetPaths:
    (out / ".meta").mkdir()
    return DataSetPaths(out)


def test_the_same_settings_resume(tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    paths.fingerprint.write_bytes(settings_to_json(fingerprint(CONFIG, "cpu", [MODEL])))
    check_fingerprint(paths, fingerprint(CONFIG, "cpu", [MODEL]))


def test_other_settings_are_all_named_with_old_and_new_value(tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    before = fingerprint(CONFIG, "cpu", [MODEL])
    paths.fingerprint.write_bytes(settings_to_json({**before, "planes": 5, "dropped": 1}))
    with pytest.raises(UserError) as caught:
        check_fingerprint(paths, {**before, "seed": 3})
    assert caught.value.exit_code == 2
    for part in (
        "planes was 5, now 4",
        "seed was 0, now 3",
        "dropped was 1, now absent",
        f"{tmp_path} was begun",
        "--out",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize("text", ["", "[1]", "nonsense"])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    paths = paths_in(tmp_path)
    paths.fingerprint.write_text(text)
    with pytest.raises(UserError, match=r"config\.json is damaged"):
        check_fingerprint(paths, fingerprint(CONFIG, "cpu", []))
