"""Everything hostile that is known, through the command line: each ends in its reason code or its one line of error.

hostile_corpus.py has one input a line. Photos and sidecars go in as one run, in a process of its own whose memory and
time are bounded, beside honest photos whose samples must come out right.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.__main__ import main
from pipelines.render.config import RenderConfig
from shards.reader import read_shards
from tests.pipelines.hostile_corpus import (
    LABELS,
    NAMES,
    NOTES,
    PHOTOS,
    PLACES,
    ROWS,
    SIDECAR_PLACES,
    SIDECARS,
    SURVIVED,
)
from tests.pipelines.tiny_photos import HEIGHT, WIDTH, write_photo

Said = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
TINY = ("--long-side", "88", "--planes", "2", "--levels", "1", "--device", "cpu", "--offline", "--max-blurred", "1")
ALL_MAY_GO = ("--max-reject-fraction", "1", "--max-aspect", "1000", "--near-duplicates", "ignore")
MOST_BYTES = 1 << 30
MOST_SECONDS = 120.0
"""Of processor time for all of one run."""
MOST_SECONDS_OF_ONE = 10.0
"""For one input, by the clock: also one that waits."""

HOSTILE_LISTS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "lists no photos"),
    "header only": (b"path\n", "lists no photos"),
    "no path column": (b"file\na.png\n", "must have a column `path`"),
    "latin-1": ("path\ngrün.png\n".encode("latin-1"), "UTF-8"),
    "binary": (bytes(range(256)) * 4, "UTF-8"),
    "utf-16": ("path\na.png\n".encode("utf-16"), "none of its 1 photos can be read"),
    "a field without end": (b'path\n"' + b"x" * 200_000, "list.csv"),
    "nothing that exists": (b"path\n../../etc/none.png\n", "none of its 1 photos can be read"),
    "a thousand columns": (b"a," * 1000 + b"b\n1\n", "must have a column `path`"),
    "null bytes": (b"path\n\0\0\0\n", "list.csv"),
}

HOSTILE_FLAGS: dict[str, tuple[tuple[str, ...], str]] = {
    "one plane": (("--planes", "1"), "--planes must lie between 2 and 16"),
    "no levels": (("--levels", "0"), "--levels must lie between 1 and 16"),
    "too many frames": (("--planes", "16", "--levels", "16"), "must be at most 100"),
    "blur beyond measure": (("--blur-level-max", "1e9"), "--blur-level-min and --blur-level-max must be"),
    "blur of NaN": (("--blur-level-max", "nan"), "--blur-level-min and --blur-level-max must be"),
    "shares above one": (("--split-fractions", "1", "1", "1"), "--split-fractions must be"),
    "a huge picture": (("--long-side", "1000000"), "--long-side must lie between"),
    "a negative seed": (("--seed", "-1"), "--seed must lie in"),
    "no workers": (("--workers", "0"), "--workers must be auto or at least 1"),
    "a limit of none": (("--limit", "0"), "--limit must be at least 1"),
    "no such table": (("--psf", "/nowhere.npz"), "--psf"),
    "a table that is none": (("--psf", "/etc/passwd"), "it must be an .npz file"),
    "no such mask": (("--aperture-mask", "/nowhere.png"), "--aperture-mask"),
    "a device as mask": (("--aperture-mask", "/dev/zero"), "it is a device, not a regular file"),
    "a folder as mask": (("--aperture-mask", "/"), "it is a folder, not a regular file"),
    "a model that is nowhere": (("--depth", "owner/none"), "owner/none"),
    "a shell as a photo list": (("--photos", "pipe:echo"), "does not exist"),
    "a count that is none": (("--photos", "builtin:-3"), "must stand a count of scenes"),
    "a count of 5000 digits": (("--photos", "builtin:" + "9" * 5000), "builtin:"),
    "a device as photos": (("--photos", "/dev/zero"), "neither a folder nor"),
    "a scheme of nobody": (("--photos", "nothing://x"), "nothing://x"),
    "two ways to grow": (("--append", "--overwrite"), "--overwrite must stand without"),
}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1024])


def cut_at_a_member(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 512 * (path.stat().st_size // 1024)])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replaced_by(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


DAMAGE: dict[str, Callable[[Path], object]] = {
    "one bit": flip,
    "without its end": cut,
    "cut between blocks": cut_at_a_member,
    "empty": lambda path: path.write_bytes(b""),
    "noise": lambda path: path.write_bytes(bytes(np.random.default_rng(0).integers(0, 256, 4096, dtype=np.uint8))),
    "gone": Path.unlink,
    "a folder": replaced_by(Path.mkdir),
    "a pipe": replaced_by(os.mkfifo),
    "a device": replaced_by(lambda path: path.symlink_to("/dev/zero")),
    "with something behind it": lambda path: path.write_bytes(path.read_bytes() + b"more"),
    "nested": lambda path: path.write_bytes(b'{"a":' * 100_000),
    "number of 9000 digits": lambda path: path.write_bytes(b'{"samples": ' + b"9" * 9000 + b"}"),
}
DAMAGED_FILES = ("shards/train-000000.tar", ".meta/train-000000.json", "index.json", "manifest.parquet")
HOSTILE_FILES = [(file, name) for file in DAMAGED_FILES for name in DAMAGE]

CASES = [PHOTOS, SURVIVED, SIDECARS, NOTES, PLACES, SIDECAR_PLACES, NAMES, ROWS, LABELS]
COUNT = sum(map(len, (*CASES, HOSTILE_LISTS, HOSTILE_FLAGS, HOSTILE_FILES)))


def test_the_corpus_is_large_enough() -> None:
    assert COUNT >= 250
    lines = [tuple(case[:2]) for cases in (PHOTOS, SURVIVED, SIDECARS, NOTES) for case in cases]
    assert len(set(lines)) == len(lines)


@pytest.fixture(autouse=True)
def _no_case_hangs(request: pytest.FixtureRequest) -> Iterator[None]:
    began = time.perf_counter()
    yield
    if "name" in request.fixturenames:  # a test of one input
        assert time.perf_counter() - began < MOST_SECONDS_OF_ONE


def one_line_of_error(said: Said) -> str:
    error = said.readouterr().err
    lines = [line for line in error.splitlines() if line.startswith("refocus-foundry:")]
    assert "Traceback" not in error
    assert len(lines) == 1, error
    return lines[0]


MEASURED_RENDER = """
import json, sys, threading, time
from collections import Counter
from pathlib import Path
from pipelines.__main__ import main
from pipelines.render.depth import sidecar
from pipelines.render.executors import worker
from pipelines.render.photos import finding

seconds, lock = Counter(), threading.Lock()

def measured(module, function, name_of):
    inner = getattr(module, function)
    def outer(*arguments, **options):
        began = time.perf_counter()
        try:
            return inner(*arguments, **options)
        finally:
            with lock:
                seconds[name_of(*arguments)] += time.perf_counter() - began
    setattr(module, function, outer)

measured(finding, "content_hashes", lambda location, near: location.rpartition("/")[2])
measured(worker, "load_photo", lambda source: source.name)
measured(sidecar.SidecarDepth, "prepared", lambda self, photo: photo.source.name)
code = main(sys.argv[1:])
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
print("measured", json.dumps({"peak_kib": int(peak.split()[1]), "seconds": dict(seconds)}))
sys.exit(code)
"""
"""A run that says how long it took to list and hash, decode, and find the depth of each photo, and its peak: what the
kernel says of a child's begins with that of the process it was forked from."""


def render_alone(folder: Path, out: Path, most_seconds: float = MOST_SECONDS_OF_ONE) -> list[dict[str, str]]:
    """Render in a process of its own, bounded; returns the lines of rejects.jsonl."""
    command = ["render", "--photos", str(folder), "--depth", "sidecar", "--out", str(out), *TINY, *ALL_MAY_GO]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", MEASURED_RENDER, *command], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    said = process.stdout.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, said[-2000:]
    assert "Traceback" not in said
    measured = json.loads(said.rpartition("measured ")[2])
    assert measured["peak_kib"] << 10 < MOST_BYTES, f"{measured['peak_kib'] >> 10} MiB"
    slowest, seconds = max(measured["seconds"].items(), key=lambda item: item[1])
    assert seconds < most_seconds, f"{slowest}: {seconds:.1f} s"
    assert used.ru_utime + used.ru_stime < MOST_SECONDS
    return [json.loads(line) for line in (out / "rejects.jsonl").read_text("utf-8").splitlines()]


def check_codes(rejects: list[dict[str, str]], expected: dict[str, str]) -> None:
    """Every rejected path has one of its codes, and no other path is there."""
    found = {entry["path"]: f"{entry['stage']}/{entry['code']}" for entry in rejects}
    wrong = {path: (found.get(path), codes) for path, codes in expected.items() if found.get(path) not in codes.split()}
    assert wrong == {}
    assert set(found) == set(expected)
    assert all("\n" not in entry["message"] for entry in rejects)


def test_hostile_photos_and_places_end_in_their_codes_and_honest_ones_in_samples(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    expected = {}
    for number, (_, _, content, codes) in enumerate(PHOTOS):
        (folder / f"photo_{number:03d}.png").write_bytes(content)
        # One limit is only met at a larger picture.
        expected[f"photo_{number:03d}.png"] = codes.replace(
            "photo/too_narrow", "photo/too_narrow depth/sidecar_missing"
        )
    for _, name, make, codes in PLACES:
        make(folder / name)
        expected[name] = codes
    for number, (_, _, content, _) in enumerate(SURVIVED):
        write_photo(folder / f"survived_{number:02d}.png", seed=number, height=96, width=128).write_bytes(content)
    for number, (_, name) in enumerate(NAMES):
        write_photo(folder / name, seed=40 + number)
    check_codes(render_alone(folder, tmp_path / "out"), expected)
    samples = {sample.record.photo.name: sample for sample in read_shards(tmp_path / "out", seed=None)}
    assert set(samples) == {name for _, name in NAMES} | {f"survived_{i:02d}.png" for i in range(len(SURVIVED))}
    assert all(samples[name].aif.shape == (HEIGHT, WIDTH, 3) for _, name in NAMES)
    assert main(["verify", str(tmp_path / "out")]) == 0
    assert main(["preview", str(tmp_path / "out")]) == 0


def test_hostile_depth_ends_in_its_codes(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    expected = {}
    for number, (_, _, suffix, content, codes) in enumerate(SIDECARS):
        photo = bare_photo(folder / f"side_{number:03d}.png", number)
        photo.with_suffix(f".{suffix}").write_bytes(content)
        expected[photo.name] = codes
    for number, (_, _, make, codes) in enumerate(SIDECAR_PLACES):
        photo = bare_photo(folder / f"place_{number}.png", 200 + number)
        make(photo.with_suffix(".disparity.npy"))
        expected[photo.name] = codes
    for number, (_, _, content) in enumerate(NOTES):
        photo = write_photo(made(folder / f"note_{number:02d}") / "a.png", seed=300 + number)
        (photo.parent / "depth.json").write_bytes(content)
        expected[f"note_{number:02d}/a.png"] = "depth/depth_json"
    photo = write_photo(made(folder / ("a" * 200) / ("b" * 200)) / ("x" * 230 + ".png"), seed=400)
    long_name = bare_photo(folder / ("x" * 250 + ".png"), 401)
    expected[long_name.name] = "depth/sidecar_missing"
    check_codes(render_alone(folder, tmp_path / "out"), expected)
    assert [s.record.photo.name for s in read_shards(tmp_path / "out", seed=None)] == [
        photo.relative_to(folder).as_posix()
    ]


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_largest_photo_stays_within_the_bound(mode: str, tmp_path: Path) -> None:
    """128 megapixels, turned by its EXIF. They take 3 s of an idle core, and may take their time on a busy one."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.linear_gradient("L").resize((12_800, 10_000)).convert(mode)
    picture.save(made(tmp_path / "photos") / "a.jpg", exif=exif)
    np.save(tmp_path / "photos" / "a.disparity.npy", np.linspace(0, 1, 12_800, dtype=np.float32).reshape(128, 100))
    assert render_alone(tmp_path / "photos", tmp_path / "out", most_seconds=60) == []


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def bare_photo(path: Path, seed: int) -> Path:
    """A sound photo without a sidecar."""
    made(path.parent)
    photo = write_photo(path.with_name("made.png"), seed=seed)
    photo.with_suffix(".disparity.png").unlink()
    return photo.rename(path)


def test_hostile_rows_cost_themselves(tmp_path: Path) -> None:
    write_photo(tmp_path / "a.png", seed=0)
    lines = [f'"{path}",,,' for _, path, _ in ROWS]
    expected = {code for _, _, codes in ROWS for code in codes.split()} | {"photo/label"}
    for number, (label, text) in enumerate(LABELS.items()):
        write_photo(tmp_path / f"label_{number}.png", seed=1 + number)
        cells = [text if column == label else "" for column in LABELS]
        lines.append(",".join([f"label_{number}.png", *cells]))
    (tmp_path / "list.csv").write_text("\n".join(["path,license,author,source_url", "a.png,MIT,,", *lines]) + "\n")
    rejects = render_alone(tmp_path / "list.csv", tmp_path / "out")
    assert len(rejects) == len(ROWS) + len(LABELS)
    assert {f"{entry['stage']}/{entry['code']}" for entry in rejects} <= expected
    assert [entry["code"] for entry in rejects].count("label") == len(LABELS)
    assert [s.record.photo.name for s in read_shards(tmp_path / "out", seed=None)] == ["a.png"]


@pytest.mark.parametrize("name", HOSTILE_LISTS)
def test_a_hostile_list_is_one_line_of_error(name: str, tmp_path: Path, capsys: Said) -> None:
    content, said = HOSTILE_LISTS[name]
    (tmp_path / "list.csv").write_bytes(content)
    assert main(["render", "--photos", str(tmp_path / "list.csv"), "--out", str(tmp_path / "out"), *TINY]) == 2
    assert said in one_line_of_error(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", HOSTILE_FLAGS)
def test_a_hostile_flag_is_one_line_of_error(
    name: str, photo_folder: Path, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags, said = HOSTILE_FLAGS[name]
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    out = tmp_path / "out"
    assert main(["render", "--photos", str(photo_folder), "--out", str(out), "--offline", *flags]) == 2
    assert said in one_line_of_error(capsys)
    assert not out.exists()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    write_photo(folder / "a.png", seed=0)
    write_photo(folder / "b.png", seed=1)
    command = ["render", "--photos", str(folder), "--depth", "sidecar", "--out", str(folder / "out"), *TINY]
    assert main([*command, "--split-fractions", "1", "0", "0"]) == 0
    return folder / "out"


@pytest.mark.parametrize(("file", "name"), HOSTILE_FILES)
def test_a_damaged_file_of_a_data_set_is_named_by_verify(
    file: str, name: str, sound: Path, tmp_path: Path, capsys: Said
) -> None:
    out = Path(shutil.copytree(sound, tmp_path / "out"))
    DAMAGE[name](out / file)
    assert main(["verify", str(out)]) == 4
    said = capsys.readouterr()
    assert Path(file).stem in said.out
    assert "Traceback" not in said.err


def test_a_config_of_another_program_is_refused(finished: RenderConfig, capsys: Said) -> None:
    (finished.out / ".meta" / "config.json").write_text('["not", "ours"]')
    command = ["render", "--photos", finished.source.photos, "--depth", "sidecar", "--out", str(finished.out), *TINY]
    assert main(command) == 2
    assert "is damaged" in one_line_of_error(capsys)
