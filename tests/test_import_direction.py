"""Imports run one way, between packages, rooms and files. Read off the syntax trees: late imports and names in strings
count like those at the top of a file.

Rules:
1. `simulator` imports nothing of ours, nor does `shards`; `pipelines` imports both.
2. A room (folder) imports only rooms that stand before it in FLOORS. A package's own files stand where FLOORS names
   them; those it does not name are above all of the package's folders.
3. No cycle between files, wherever they lie.
4. Only one file imports ray; none imports torchvision.
5. Product code never names `tests`.
6. The rooms of SIBLINGS do not import each other, whatever their order in FLOORS.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("simulator", "shards", "pipelines")
MAY_IMPORT = {"simulator": {"simulator"}, "shards": {"shards"}, "pipelines": set(OURS)}
ONLY_HERE = {
    "ray": {"pipelines.render.executors.ray_cluster", "pipelines.render.executors.ray_pool"},
    "torchvision": set(),
}
FLOORS = (
    "simulator.optics",
    "simulator.layers",
    "simulator.scenes.textures",
    "simulator.scenes",
    "simulator.reference",
    "simulator.scatter",
    "simulator.gather",
    "simulator.arguments",
    "simulator.render",
    "simulator",
    "shards",
    "pipelines.errors",
    "pipelines.data_set",
    "pipelines.runs",
    "pipelines.pictures",
    "pipelines.pages",
    "pipelines.render.config",
    "pipelines.render.estimate",
    "pipelines.render.seeds",
    "pipelines.render.photos",
    "pipelines.render.depth",
    "pipelines.render.sample",
    "pipelines.render.plan",
    "pipelines.render.executors",
    "pipelines.render",
    "pipelines.measure",
    "pipelines.model",
    "pipelines.train",
    "pipelines.refocus",
    "pipelines.validate",
    "pipelines.stacks",
    "pipelines.benchmark",
    "pipelines.audit",
    "pipelines.bench",
    "pipelines.gpu",
    "pipelines.experiment",
    "pipelines.preview",
    "pipelines.export",
    "pipelines.config",
    "pipelines.verify",
    "pipelines.doctor",
    "pipelines.fetch_depth",
    "pipelines.usage",
    "pipelines.command_line",
    "pipelines.__main__",
    "pipelines",
)
"""From the ground up."""
SIBLINGS = (("pipelines.train", "pipelines.refocus"),)
"""What both need lies below them."""
NAMES_TESTS = re.compile(r"(^|[^\w.])tests[/.]\w|[\"']tests[\"']|\b(from|import) tests\b")

Files = Mapping[str, str]
"""Module name -> source. A folder goes by the name of its `__init__`."""


def our_files() -> dict[str, str]:
    found = {}
    for package in OURS:
        for file in sorted((ROOT / package).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file.read_text("utf-8")
    return found


def imported(module: str, files: Files) -> Iterator[str]:
    """Every module that a file imports, or names in a string, anywhere in its code."""
    is_folder = any(other.startswith(f"{module}.") for other in files)
    for node in ast.walk(ast.parse(files[module])):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = module.split(".")[: None if is_folder and node.level == 1 else (is_folder or 0) - node.level]
                base = ".".join([*up, base]).rstrip(".")
            yield from (name if (name := f"{base}.{alias.name}") in files else base for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            yield from (name for name in [node.value.partition(":")[0]] if name in files and name != module)


def floor(module: str) -> int:
    """The number of the floor that a file stands on: that of the longest name in FLOORS that it begins with."""
    matching = [name for name in FLOORS if module == name or module.startswith(f"{name}.")]
    return FLOORS.index(max(matching, key=len))


def are_siblings(module: str, name: str) -> bool:
    """Whether the two lie in different rooms of one line of SIBLINGS."""
    return any(
        module.startswith(f"{room}.") and f"{name}.".startswith(f"{other}.")
        for rooms in SIBLINGS
        for room, other in itertools.permutations(rooms, 2)
    )


def complaints(files: Files) -> list[str]:
    """One line for each import that breaks a rule."""
    wrong = []
    arrows: dict[str, set[str]] = {}
    for module, source in files.items():
        package = module.partition(".")[0]
        arrows[module] = set()
        for name in imported(module, files):
            top = name.partition(".")[0]
            if top in OURS and top not in MAY_IMPORT[package]:
                wrong.append(f"{module} imports {name}: {package} may import {', '.join(sorted(MAY_IMPORT[package]))}")
            elif top in OURS:
                arrows[module].add(name)
                if floor(name) > floor(module):
                    wrong.append(f"{module} imports {name}, which stands above it")
                if are_siblings(module, name):
                    wrong.append(f"{module} imports {name}: what both need belongs below them")
            if top in ONLY_HERE and module not in ONLY_HERE[top]:
                wrong.append(f"{module} imports {top}: only {', '.join(ONLY_HERE[top]) or 'nobody'} may")
        wrong += [f"{module} names tests: {line.strip()}" for line in source.splitlines() if NAMES_TESTS.search(line)]
    return wrong + [f"cycle: {' -> '.join(cycle)}" for cycle in cycles(arrows)]


def cycles(arrows: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """A way round for each module that can reach itself through others, each way once."""
    found: dict[frozenset[str], list[str]] = {}
    for start in arrows:
        before: dict[str, str] = {}
        waiting = [start]
        while waiting:
            module = waiting.pop()
            for name in sorted(arrows.get(module, ())):
                if name not in before and name != module:
                    before[name] = module
                    waiting.append(name)
        if start in before:
            way = [start, before[start]]
            while way[-1] != start:
                way.append(before[way[-1]])
            found.setdefault(frozenset(way), way[::-1])
    return list(found.values())


def test_imports_run_one_way() -> None:
    files = our_files()
    assert {module.partition(".")[0] for module in files} == set(OURS), "the test looks in the wrong place"
    assert not (wrong := complaints(files)), "\n".join(wrong)


def test_every_floor_is_there() -> None:
    files = our_files()
    assert [name for name in FLOORS if name not in files] == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("simulator.optics.lens", "import shards"),
        ("simulator.optics.lens", "from simulator.layers import bins"),
        ("simulator.optics.lens", "def f():\n    from pipelines.errors import UserError"),
        ("simulator.optics.lens", "def f():\n    import simulator.render"),
        ("simulator.scatter.octave", 'kernel = import_module("simulator.render")'),
        ("simulator.layers.bins", "from . import ldi"),
        ("shards.codec", "from simulator.optics.color import srgb_to_linear"),
        ("pipelines.runs.device", "from pipelines.render.config import RenderConfig"),
        ("pipelines.render.config", "from pipelines.render.plan.plan import Plan"),
        ("pipelines.train.loop", 'command = "pipelines.refocus.run:run"'),
        ("pipelines.refocus.flow_refocuser", "from pipelines.train.checkpoint import load_checkpoint"),
        ("pipelines.refocus.flow_refocuser", "import pipelines.train"),
        ("pipelines.render.executors.worker", "import ray"),
        ("pipelines.render.executors.worker", "import ray.util as util"),
        ("pipelines.render.executors.ray_pool", "from torchvision import transforms"),
        ("pipelines.benchmark.test_set", 'FOLDER = Path("tests/pipelines")'),
        ("pipelines.benchmark.test_set", "from tests.pipelines import tiny_photos"),
        ("pipelines.benchmark.test_set", "from tests import conftest"),
        ("pipelines.benchmark.test_set", 'FOLDER = Path(__file__).parents[2] / "tests"'),
    ],
)
def test_wrong_imports_are_found(module: str, source: str) -> None:
    files = {"simulator.layers.ldi": "from simulator.layers.bins import BinnedSurfaces"}
    files |= dict.fromkeys(our_files(), "") | files | {module: source}
    assert complaints(files)


def test_right_imports_are_not_complained_about() -> None:
    files = dict.fromkeys(our_files(), "")
    files["pipelines.render.executors.ray_pool"] = "import ray\nfrom shards import Sample\nimport simulator"
    files["shards.codec"] = "from .sample import Sample\nimport numpy"
    files["simulator.scatter.convolve"] = "from simulator.layers.bins import BinnedSurfaces"
    files["pipelines.command_line"] = 'run = {"audit": "pipelines.audit.run:audit"}'
    assert complaints(files) == []
