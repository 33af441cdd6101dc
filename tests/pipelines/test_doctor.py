from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines import doctor
from pipelines.__main__ import main
from pipelines.config import DoctorConfig
from pipelines.render.depth.estimator import DepthOrigin

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_it_finds_versions_devices_disk_and_depth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--out", str(tmp_path / "not" / "yet"), "--samples", "1", "--depth", "sidecar", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert found["problems"] == []
    assert found["versions"]["torch"].startswith("2.")
    assert found["devices"][0].startswith("cpu")
    assert found["free_bytes"] > found["estimated_bytes"] > 0
    assert not (tmp_path / "not").exists()


def test_for_people_it_says_what_was_asked_and_what_would_work(tmp_path: Path, capsys: Said) -> None:
    assert main(["doctor", "--out", str(tmp_path), "--samples", "1", "--depth", "sidecar"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split(maxsplit=1) == ["asked", f"1 sample of default size into {tmp_path}"]
    assert [line.split()[0] for line in lines[1:4]] == ["python", "refocus-foundry", "torch"]
    assert any(line.startswith("disk ") and " free: room for " in line for line in lines)
    assert lines[-1] == f"ready: refocus-foundry render --photos my/photos --depth sidecar --out {tmp_path}"


def test_without_a_model_and_a_network_photos_are_not_ready(tmp_path: Path, capsys: Said) -> None:
    """What `render --photos` would answer next, exit code 1, and what needs no model."""
    assert main(["doctor", "--out", str(tmp_path), "--samples", "1"]) == 1
    said = capsys.readouterr().out
    assert "problem: " in said
    assert "`refocus-foundry fetch-depth DIR`, then --depth DIR" in said
    assert "note: built-in scenes (--photos builtin:24)" in said
    assert said.endswith("not ready\n")


def test_a_folder_that_may_not_be_written_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (problem,) = doctor.examine(DoctorConfig(tmp_path / "file" / "out", 1, "sidecar")).problems
    assert problem == f"{tmp_path / 'file'} is no folder that you may write to; name another --out"


def test_weights_that_may_not_be_used_commercially_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = DepthOrigin("owner/large", "abc", "CC-BY-NC-4.0", True, True)
    monkeypatch.setattr(doctor, "check_depth", lambda *_, **__: (origin,))
    findings = doctor.examine(DoctorConfig(tmp_path, 1, "owner/large"))
    assert findings.depth_is_here
    assert findings.notes == ["owner/large may not be used commercially (CC-BY-NC-4.0)"]


def test_a_disk_too_small_and_a_missing_package_are_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "no-such-package"))
    findings = doctor.examine(DoctorConfig(tmp_path, 10**12, "sidecar"))
    assert findings.exit_code == 1
    assert len(findings.problems) == 2
    assert "no-such-package is not installed" in findings.problems[0]
    assert "1000000000000 samples take about" in findings.problems[1]
    assert findings.summary().endswith("not ready")


def test_depth_that_is_made_up_is_ready_where_render_would_take_it(tmp_path: Path) -> None:
    findings = doctor.examine(DoctorConfig(tmp_path / "my set", 1, "center"))
    assert (findings.depth, findings.problems) == ("synthetic:center 1", [])
    assert findings.notes == ["this depth is made up: it knows nothing of the photos"]
    assert f"--depth center --allow-synthetic-depth --out '{tmp_path}/my set'" in findings.next_command  # to paste
    (problem,) = doctor.examine(DoctorConfig(tmp_path, 1, "flat")).problems
    assert problem.startswith("--depth flat has one depth")
