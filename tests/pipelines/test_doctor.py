from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines import doctor
from pipelines.__main__ import main
from pipelines.config import DoctorConfig
from pipelines.render.depth.estimator import DepthOrigin


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_it_finds_versions_devices_disk_and_depth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--out", str(tmp_path / "not" / "yet"), "--samples", "1", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert found["problems"] == []
    assert found["versions"]["torch"].startswith("2.")
    assert found["devices"][0].startswith("cpu")
    assert found["free_bytes"] > found["estimated_bytes"] > 0
    assert not (tmp_path / "not").exists()


def test_for_people_it_is_one_line_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--out", str(tmp_path), "--samples", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["python", "refocus-foundry", "torch"]
    assert lines[-1] == "ready"


def test_a_model_that_is_not_here_is_a_note_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    findings = doctor.examine(DoctorConfig(tmp_path, 1, "owner/no-such-model"))
    assert not findings.depth_is_here
    assert any("hf download owner/no-such-model" in note for note in findings.notes)
    assert findings.exit_code == 0


def test_weights_that_may_not_be_used_commercially_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = DepthOrigin("owner/large", "abc", "CC-BY-NC-4.0", True, True)
    monkeypatch.setattr(doctor, "check_depth", lambda *_, **__: (origin,))
    findings = doctor.examine(DoctorConfig(tmp_path, 1, "owner/large"))
    assert findings.depth_is_here
    assert findings.notes == ["owner/large may not be used commercially (CC-BY-NC-4.0)"]


def test_a_disk_too_small_and_a_missing_package_are_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "no-such-package"))
    findings = doctor.examine(DoctorConfig(tmp_path, 10**12, "auto"))
    assert findings.exit_code == 1
    assert len(findings.problems) == 2
    assert "no-such-package is not installed" in findings.problems[0]
    assert "1000000000000 samples take about" in findings.problems[1]
    assert findings.summary().endswith("not ready")
