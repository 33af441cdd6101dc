"""Every verb that takes a URL, against every fault of a store. `python -m tests.pipelines.stores.table` prints them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.__main__ import main
from shards.storage import storage_path
from shards.validate import validate
from tests.pipelines.stores.faulty_store import BUCKET, FAULTS, FaultyStore, faulty_store
from tests.pipelines.test_command_line import flags
from tests.pipelines.tiny_photos import tar_sums, tiny_run, write_photo

pytestmark = [pytest.mark.faults, pytest.mark.usefixtures("as_in_production")]

PHOTOS = 6
URL = f"s3://{BUCKET}"
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Filled:
    """A store with photos, their disparity in a folder of its own, and a data set; and the same set on this machine."""

    store: FaultyStore
    local: Path

    def command(self, verb: str, out: str) -> list[str]:
        """The verb's arguments; `out` is where it writes, if it does."""
        if verb == "render":
            local = tiny_run(Path("photos"), Path("out"))
            arguments = flags(local)
            places = {"--photos": f"{URL}/photos", "--out": f"{URL}/{out}"}
            for flag, place in places.items():
                arguments[arguments.index(flag) + 1] = place
            return [*arguments, "--depth-dir", f"{URL}/depth"]
        if verb == "train":
            size = ["--width", "48", "--height", "32", "--batch-size", "2", "--model", "tiny", "--max-steps", "3"]
            recording = ["--sample-every", "0", "--device", "cpu", "--targets", "2", "--warmup-steps", "1"]
            return ["train", "--data", f"{URL}/set", "--out", str(self.local / out), *size, *recording]
        if verb == "doctor":
            return ["doctor", "--out", f"{URL}/set", "--depth", "sidecar"]
        return [verb, f"{URL}/set"]


VERBS = ("render", "verify", "card", "audit", "preview", "train", "doctor")


def fill(store: FaultyStore, folder: Path) -> Filled:
    """Put photos, depth and a finished data set there."""
    (folder / "photos").mkdir()
    for number in range(PHOTOS):
        write_photo(folder / "photos" / f"photo_{number}.png", seed=number)
    assert main(flags(tiny_run(folder / "photos", folder / "set"))) == 0
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file():
            place = f"depth/{file.name}" if file.name.endswith(".disparity.png") else name
            storage_path(f"{URL}/{place}").write_bytes(file.read_bytes())
    return Filled(store, folder)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with faulty_store() as store:
        yield fill(store, tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_comes_to_the_same_end_whatever_the_store_does(
    verb: str, filled: Filled, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = {}
    for fault in FAULTS[:-1]:
        filled.store.reset(fault)
        code = main(filled.command(verb, f"{verb}-{fault}"))
        assert filled.store.requests.total() > (0 if verb == "doctor" else 5)
        ends[fault] = code, capsys.readouterr().out.replace(f"{verb}-{fault}", "")
    filled.store.reset()
    assert ends["none"][0] == (4 if verb == "audit" else 0)  # so small pictures do not pass every check of the audit
    if verb in ("train", "render", "doctor"):  # these say seconds and free memory
        assert {code for code, _ in ends.values()} == {0}
    else:
        assert set(ends.values()) == {ends["none"]}
    if verb == "render":
        sums = [tar_sums(storage_path(f"{URL}/render-{fault}")) for fault in FAULTS[:-1]]
        assert all(each == sums[0] for each in sums)
        assert len(sums[0]) == PHOTOS // 2
        assert validate(storage_path(f"{URL}/render-cut")).ok


@pytest.mark.parametrize("verb", VERBS)
def test_a_store_that_is_down_is_one_line(
    verb: str, filled: Filled, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    filled.store.reset("down")
    assert main(filled.command(verb, "down")) == 1
    said = capsys.readouterr()
    line = said.out if verb == "doctor" else said.err
    assert "Connection was closed before we received a valid response" in line
    assert "Traceback" not in said.err
    if verb != "doctor":
        assert len(line.splitlines()) == 1


def test_a_store_that_goes_down_while_samples_are_read_drops_none(filled: Filled) -> None:
    from shards import StoreError, read_shards

    filled.store.reset()
    stream = read_shards(f"{URL}/set", on_error="skip", max_dropped_fraction=1.0)
    next(stream)
    filled.store.reset("down")
    with pytest.raises(StoreError, match=r"s3://bucket/set/.*: the store does not answer"):
        list(stream)
    assert stream.dropped == []


def test_workers_that_were_forked_read_from_the_store(filled: Filled, capsys: pytest.CaptureFixture[str]) -> None:
    filled.store.reset()
    assert main([*filled.command("train", "forked"), "--workers", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["step"] == 3


def test_checkpoints_do_not_go_to_a_store(filled: Filled, capsys: pytest.CaptureFixture[str]) -> None:
    command = filled.command("train", "x")
    command[command.index("--out") + 1] = f"{URL}/run"
    assert main(command) == 2
    assert f"--out must lie on this machine; got {URL}/run" in capsys.readouterr().err
    assert not Path("s3:").exists()


def test_ray_workers_write_the_bytes_of_a_local_run_whatever_the_store_does(filled: Filled) -> None:
    filled.store.reset()
    local, ray = filled.command("render", "ray"), filled.command("render", "ray")
    local[local.index("--out") + 1] = str(filled.local / "inline")
    assert main(local) == 0
    filled.store.reset("500 cut slow")
    process = start([*ray, "--executor", "ray", "--workers", "2"], RAY_ADDRESS="127.0.0.1:1")  # of another cluster
    said = process.communicate(timeout=240)[1]
    filled.store.reset()
    assert process.returncode == 0, said
    assert "failed" not in said, said
    assert tar_sums(storage_path(f"{URL}/ray")) == tar_sums(filled.local / "inline")
    assert validate(storage_path(f"{URL}/ray")).ok


def test_of_two_drivers_that_start_at_once_one_runs(filled: Filled) -> None:
    """Both have seen that there is no lock before either of them writes one."""
    filled.store.reset("race")
    both = [start(filled.command("render", "race")) for _ in range(2)]
    said = [process.communicate(timeout=240)[1] for process in both]
    filled.store.reset()
    assert sorted(process.returncode for process in both) == [0, 2], said
    (line,) = said[both[0].returncode == 0].splitlines()
    assert "s3://bucket/race is in use by process" in line
    assert validate(storage_path(f"{URL}/race")).ok
    assert not storage_path(f"{URL}/race/.meta/run.lock").exists()


def test_a_run_that_is_killed_leaves_nothing_in_tmpdir(filled: Filled, tmp_path: Path) -> None:
    """The first shard is in work when the process is killed: its tar has no name that could stay."""
    filled.store.reset("slow")
    process = start(filled.command("render", "killed"), TMPDIR=str(tmp_path))
    deadline = time.monotonic() + 120
    while process.poll() is None and not _drafts(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert list(tmp_path.rglob("*")) == []


def start(command: list[str], **environment: str) -> subprocess.Popen[str]:
    """A verb in a process of its own."""
    told = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    whole = [sys.executable, "-m", "pipelines", *command]
    return subprocess.Popen(whole, cwd=ROOT, env=told, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _drafts(pid: int) -> list[str]:
    """Open files without a name."""
    links = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            links.append(os.readlink(link))
    return [link for link in links if "(deleted)" in link]
