"""Named runs. A recipe is a function that returns a configuration; flags on the command line go on top of it."""

from collections.abc import Callable
from pathlib import Path

from pipelines.render.config import ExecutionConfig, RenderConfig, SourceConfig, StorageConfig


def demo() -> RenderConfig:
    """Six built-in scenes through Ray with two workers: the real path, in about a minute on two cores."""
    return RenderConfig(
        source=SourceConfig(photos="builtin:6", long_side=480),
        out=Path("out/demo"),
        recipe="demo",
        storage=StorageConfig(samples_per_shard=2, split_fractions=(0.7, 0.15, 0.15)),
        execution=ExecutionConfig(executor="ray", workers=2, device="cpu"),
    )


RECIPES: dict[str, Callable[[], RenderConfig]] = {"demo": demo}
"""What `--recipe NAME` starts from. `default` is what the flags' own defaults say."""
