"""Checking shards in several processes: the same report, in the same order, whatever their number."""

from __future__ import annotations

import os
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from shards import Complaint, validate
from shards.identities import Identities
from shards.inspection import FoundSample
from shards.parallel import cores, map_in_order
from tests.shards.synthetic import write_data_set


def process_and_square(number: int) -> tuple[int, int]:
    return os.getpid(), number * number


def end(_: int) -> None:
    os._exit(1)


def test_results_keep_the_order_of_the_items_and_come_from_other_processes() -> None:
    found = list(map_in_order(process_and_square, range(40), workers=2))
    assert [square for _, square in found] == [number * number for number in range(40)]
    assert os.getpid() not in {process for process, _ in found}
    assert {process for process, _ in map_in_order(process_and_square, range(3), workers=1)} == {os.getpid()}


def test_items_are_taken_as_they_are_worked_off() -> None:
    taken: list[int] = []
    results = map_in_order(process_and_square, (taken.append(i) or i for i in range(1000)), workers=1)
    next(results)
    assert len(taken) == 1
    results = map_in_order(process_and_square, (taken.append(i) or i for i in range(1000)), workers=2)
    taken.clear()
    next(results)
    assert len(taken) <= 10
    results.close()


def test_a_worker_that_is_killed_ends_the_work() -> None:
    with pytest.raises(BrokenProcessPool):
        list(map_in_order(end, range(4), workers=2))


def test_the_report_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    """On a sound set, and on one with damage of five kinds in four shards."""
    write_data_set(tmp_path, {"train-000000": 2, "train-000001": 2, "val-000000": 1, "test-000000": 1})
    assert validate(tmp_path, workers=2) == validate(tmp_path)
    assert validate(tmp_path).ok
    tar = tmp_path / "shards" / "train-000000.tar"
    tar.write_bytes(tar.read_bytes()[:-20_000])
    (tmp_path / "shards" / "val-000000.tar").unlink()
    (tmp_path / ".meta" / "test-000000.json").write_text("{")
    (tmp_path / "shards" / "train-000007.tar").write_bytes((tmp_path / "shards" / "train-000001.tar").read_bytes())
    (tmp_path / "manifest.parquet").write_bytes(b"PAR1")
    report = validate(tmp_path, workers=3)
    assert report == validate(tmp_path)
    assert len({complaint.shard for complaint in report.complaints}) == 4


def test_what_appears_twice_is_named_with_its_first_place() -> None:
    found = Identities()
    found.add("test-000000", [FoundSample("00000000", "a" * 16, "a" * 64), FoundSample("00000001", "b" * 16, "b" * 64)])
    found.add("train-000000", [])
    found.add(
        "train-000001", [FoundSample("00000002", "a" * 16, "c" * 64), FoundSample("00000001", "d" * 16, "d" * 64)]
    )
    again = "key 00000001 must appear once, got it also in test-000000"
    message = f"scene_id {'a' * 16} must appear once, got it also in test-000000 00000000"
    assert list(found.repeated()) == [
        Complaint("train-000001", "00000001", "*", f"{again} 00000001 of another split (test and train)"),
        Complaint("train-000001", "00000002", "json.scene_id", f"{message} of another split (test and train)"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "300000 100000\n"}, 3),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu.max": "6400000 100000\n"}, 8),
    ],
)
def test_a_container_has_the_cores_of_its_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert cores(tmp_path) == expected
