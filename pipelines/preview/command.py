"""The verb `preview`: a page, or pictures instead of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from pipelines.data_set import local_data_set
from pipelines.preview.config import PreviewConfig

PAGE_SAMPLES, SHEETS = 200, 24


def command(config: PreviewConfig) -> int:
    """Run it; returns the exit code."""
    out = local_data_set(config.out)
    if config.sheets or config.gif:
        return _pictures(config, out)
    from pipelines.preview.page import write_page

    written = write_page(out, limit=config.limit or PAGE_SAMPLES, budget_mb=config.budget_mb, linked=config.linked)
    print(json.dumps(dataclasses.asdict(written), sort_keys=True) if config.json else written.summary())
    return 0


def _pictures(config: PreviewConfig, out: Path) -> int:
    if config.gif:
        from pipelines.preview.focus_pull import write_focus_pull

        paths = [write_focus_pull(out, config.gif)]
        said = str(paths[0])
    else:
        from pipelines.preview.sample_sheet import write_sample_sheets

        paths = write_sample_sheets(out, limit=config.limit or SHEETS)
        said = f"{len(paths)} contact sheets in {out / 'preview'}: {paths[0].name} ... {paths[-1].name}"
    print(json.dumps({"pictures": [str(path) for path in paths]}) if config.json else said)
    return 0
