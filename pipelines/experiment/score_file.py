"""Scores on disk, one line of JSON per scene: scoring that was stopped goes on where it stopped."""

import json
from collections.abc import Iterable
from pathlib import Path

from pipelines.experiment.held_out import HeldOutScene
from pipelines.experiment.scores import Scores, score
from pipelines.experiment.ways import Way
from pipelines.runs.progress_bar import ProgressBar


def scored(path: Path, way: Way, scenes: Iterable[HeldOutScene]) -> dict[str, Scores]:
    """Scores by scene; those that are in the file are not measured again."""
    scenes = list(scenes)
    known = read_scores(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file, ProgressBar("score", "scenes", len(scenes)) as bar:
        for scene in scenes:
            name = scene.sample.record.scene_id
            if name not in known:
                known[name] = score(way, scene)
                file.write(json.dumps({"scene": name, "scores": known[name]}) + "\n")
                file.flush()
            bar.advance()
    return {scene.sample.record.scene_id: known[scene.sample.record.scene_id] for scene in scenes}


def read_scores(path: Path) -> dict[str, Scores]:
    """By scene. A torn last line is cut off the file: it is measured again."""
    if not path.exists():
        return {}
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    lines = [json.loads(line) for line in whole.splitlines()]
    return {line["scene"]: line["scores"] for line in lines}
