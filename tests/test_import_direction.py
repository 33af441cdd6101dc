"""Imports run one way: pipelines -> simulator, shards; neither of these knows the others. Read off the syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("simulator", "shards", "pipelines")
MAY_IMPORT = {"simulator": {"simulator"}, "shards": {"shards"}, "pipelines": set(OURS)}
ONLY_HERE = {"ray": {"pipelines/render/executors/ray_pool.py"}, "torchvision": set()}


def imported(source: str) -> Iterator[str]:
    """The top-level name of every module that a file imports from outside its own folder, at any depth of the code."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def complaints(path: str, source: str) -> list[str]:
    """What is wrong with the imports of one file; `path` is relative to the root."""
    package = path.partition("/")[0]
    wrong = []
    for name in imported(source):
        if name in OURS and name not in MAY_IMPORT.get(package, set(OURS)):
            wrong.append(f"{path} imports {name}: {package} may import {', '.join(sorted(MAY_IMPORT[package]))}")
        if name in ONLY_HERE and path not in ONLY_HERE[name]:
            wrong.append(f"{path} imports {name}: only {', '.join(ONLY_HERE[name]) or 'nobody'} may")
    return wrong


@pytest.mark.parametrize("package", OURS)
def test_imports_of_our_packages_run_one_way(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, f"{package} has no files: the test looks in the wrong place"
    wrong = [line for file in files for line in complaints(file.relative_to(ROOT).as_posix(), file.read_text("utf-8"))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("simulator/optics/lens.py", "import shards"),
        ("simulator/optics/lens.py", "def f():\n    from pipelines.errors import UserError"),
        ("shards/codec.py", "from simulator.optics.color import srgb_to_linear"),
        ("pipelines/render/executors/worker.py", "import ray"),
        ("pipelines/render/executors/worker.py", "import ray.util as util"),
        ("pipelines/render/executors/ray_pool.py", "from torchvision import transforms"),
    ],
)
def test_wrong_imports_are_found(path: str, source: str) -> None:
    assert complaints(path, source)


def test_right_imports_are_not_complained_about() -> None:
    assert not complaints(
        "pipelines/render/executors/ray_pool.py", "import ray\nfrom shards import Sample\nimport simulator"
    )
    assert not complaints("shards/codec.py", "from .sample import Sample\nimport numpy")
