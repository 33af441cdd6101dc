"""The verb `benchmark`: the test set or the report, and what was found on stdout."""

from __future__ import annotations

import json

from pipelines.benchmark.config import BenchmarkConfig
from pipelines.benchmark.report import PAGE_FILE
from pipelines.benchmark.run import prepare, run


def command(config: BenchmarkConfig) -> int:
    """Run it; returns the exit code."""
    if config.set_only:
        test_set = prepare(config)
        counts = {"set": str(config.set), "scenes": len(test_set.scenes), "tasks": test_set.tasks}
        text = f"{config.set}: {counts['scenes']} scenes, {counts['tasks']} tasks"
        print(json.dumps(counts, sort_keys=True) if config.json else text)
        return 0
    report = run(config)
    text = f"{report.summary()}\n{config.out / PAGE_FILE}"
    print(json.dumps(report.to_json(), sort_keys=True) if config.json else text)
    return 0
