"""Runs that are killed at every file operation: `python -m tests.pipelines.render.killed_runs FOLDER`.

Prints one JSON object a scenario. Each run is a fork of this process, which ends without any clean-up, as by SIGKILL,
at the n-th time that it opens, renames, links or removes a file of the data set. Frames are rendered once and
remembered: what is under test are files.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import UserError
from pipelines.render.config import GrowthConfig, RenderConfig
from pipelines.render.executors import worker
from pipelines.render.run import render
from pipelines.verify import verify
from shards.index import marked_shards
from shards.marker import complete_marker
from tests.pipelines.tiny_photos import tar_sums, tiny_run, write_photo

KILLED, REFUSED, OPERATIONS = 137, 2, ("open", "os.rename", "os.remove", "os.link", "os.mkdir")


@dataclass(frozen=True)
class Scenario:
    """A data set, the command that is killed, and the one that is given after it."""

    name: str
    before: tuple[RenderConfig, ...]
    killed: RenderConfig
    after: RenderConfig


def remember_frames() -> None:
    """Let the worker render each stack once; forks inherit what is known."""
    known: dict[Any, Any] = {}
    render = worker.render_frames

    def remembered(rgbd: Any, plan: Any, settings: Any) -> Any:
        identity = (rgbd.photo.source, settings)
        if identity not in known:
            known[identity] = render(rgbd, plan, settings)
        return known[identity]

    worker.render_frames = remembered


def forked(act: Callable[[], object], out: Path, kill_at: int | None = None) -> int:
    """Exit code of a fork that does something and dies at its n-th operation on a file below `out`."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    seen = itertools.count(1)

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        is_ours = event in OPERATIONS and any(str(out) in str(argument) for argument in arguments[:2])
        if kill_at is not None and is_ours and next(seen) == kill_at:
            os._exit(KILLED)

    sys.addaudithook(count)
    try:
        act()
    except UserError as error:
        os._exit(error.exit_code)
    except BaseException:
        os._exit(70)
    os._exit(0)


def settings_of(out: Path) -> set[str]:
    """Hashes of the settings of all shards that count as finished."""
    markers = (complete_marker(out, name) for name in marked_shards(out))
    return {marker.config_sha256 for marker in markers if marker is not None and marker.samples}


def is_sound(out: Path) -> bool:
    from pipelines.config import VerifyConfig

    return verify(VerifyConfig(out)).exit_code == 0


def run_scenario(scenario: Scenario, folder: Path) -> dict[str, object]:
    """Kill at each operation, give the next command, compare. Counts by outcome, and each wrong point."""
    start, expected_out = folder / f"{scenario.name}-start", folder / f"{scenario.name}-expected"
    prepared(start, scenario.before)
    prepared(expected_out, (*scenario.before, scenario.killed))
    expected, counts, wrong = tar_sums(expected_out), {"same bytes": 0, "refused": 0}, []
    for point in itertools.count(1):
        out = folder / scenario.name
        shutil.rmtree(out, ignore_errors=True)
        if start.exists():
            shutil.copytree(start, out)
        killed = forked(lambda out=out: render(at(scenario.killed, out)), out, kill_at=point)
        if killed == 0:
            return {"scenario": scenario.name, "points": point - 1, **counts, "wrong": wrong}
        code = forked(lambda out=out: render(at(scenario.after, out)), out)
        if killed != KILLED:
            wrong.append(f"{point}: the run that should be killed ended with {killed}")
        elif code == 0 and tar_sums(out) == expected and is_sound(out):
            counts["same bytes"] += 1
        elif code == REFUSED and len(settings_of(out)) <= 1:
            counts["refused"] += 1
        else:
            wrong.append(f"{point}: exit code {code}, sound {out.exists() and is_sound(out)}, {tar_sums(out)}")
    raise AssertionError("a run ends")


def prepared(out: Path, commands: tuple[RenderConfig, ...]) -> None:
    """Give some commands in this process, which remembers their samples."""
    for command in commands:
        render(at(command, out))


def at(config: RenderConfig, out: Path) -> RenderConfig:
    return dataclasses.replace(config, out=out)


def scenarios(folder: Path) -> list[Scenario]:
    """First run, append, retry, overwrite, and overwrite that is followed by the plain command."""
    for number in range(5):
        write_photo(folder / "few" / f"photo_{number}.png", seed=number)
        write_photo(folder / "more" / f"photo_{number}.png", seed=number)
    write_photo(folder / "more" / "photo_5.png", seed=5)
    (folder / "gap").mkdir()
    for path in (folder / "few").iterdir():
        shutil.copy(path, folder / "gap")
    (folder / "gap" / "photo_2.disparity.png").unlink()
    first = tiny_run(folder / "few", folder)
    more = dataclasses.replace(first, source=dataclasses.replace(first.source, photos=str(folder / "more")))
    gap = dataclasses.replace(first, source=dataclasses.replace(first.source, photos=str(folder / "gap")))
    other = dataclasses.replace(first, seed=1)
    append, retry, anew = (GrowthConfig(append=True), GrowthConfig(retry_rejected=True), GrowthConfig(overwrite=True))
    appending, retrying = dataclasses.replace(more, growth=append), dataclasses.replace(first, growth=retry)
    overwriting = dataclasses.replace(other, growth=anew)
    return [
        Scenario("first", (), first, first),
        Scenario("append", (first,), appending, appending),
        Scenario("retry", (gap,), retrying, retrying),
        Scenario("overwrite", (first,), overwriting, overwriting),
        Scenario("overwrite-then-plain", (first,), overwriting, other),
    ]


def main(folder: Path) -> None:
    """Run all scenarios in an empty folder."""
    for name in ("few", "more"):
        (folder / name).mkdir(parents=True)
    remember_frames()
    for scenario in scenarios(folder):
        print(json.dumps(run_scenario(scenario, folder)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
