"""Named runs: the configurations that `--recipe NAME` starts from; flags on the command line go on top."""

from pathlib import Path

from pipelines.render.config import ExecutionConfig, RenderConfig, SourceConfig, StorageConfig

demo = RenderConfig(
    source=SourceConfig(photos="builtin:6", long_side=480),
    out=Path("out/demo"),
    recipe="demo",
    storage=StorageConfig(samples_per_shard=2, split_fractions=(0.7, 0.15, 0.15)),
    execution=ExecutionConfig(executor="ray", workers=2, device="cpu"),
)
"""Six built-in scenes through Ray with two workers: the real path, in about a minute on two cores."""

RECIPES = {"demo": demo}
"""By name; `default` means the defaults of the flags."""
