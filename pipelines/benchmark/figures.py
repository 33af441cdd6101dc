"""The figures of one contestant on one scene, by key and task: what the report averages, compares and resamples.

Keys: KIND/REGION/MEASURE, KIND/DIFFICULTY/MEASURE, KIND/MEASURE, and MEASURE over the tasks that ask for a lens.
"""

from collections import defaultdict
from collections.abc import Iterator

from pipelines.benchmark.scoring import PlaneError, SceneScores, TaskScore

MEDIANS = frozenset({"plane_error", "plane_error_px", "blind_plane_error_px"})
"""Figures whose median is reported: one answer whose plane lies at the other end would outweigh all others."""

Values = dict[str, dict[str, float]]


def scene_values(scene: SceneScores) -> Values:
    """Key -> task -> value; figures of the whole scene go by the scene's name."""
    values: Values = defaultdict(dict)
    for score in scene.tasks:
        for key, value in _of_task(score):
            values[key][score.task] = value
    if scene.sweep is not None:
        values["lv_corr"][scene.scene] = scene.sweep.lv_corr
        values["monotonicity"][scene.scene] = scene.sweep.monotonicity
    if scene.stacking is not None:
        values["stacking"][scene.scene] = scene.stacking
    return dict(values)


def _of_task(score: TaskScore) -> Iterator[tuple[str, float]]:
    kind = score.kind
    for region, fidelity in score.fidelity.items():
        for measure in ("psnr", "ssim", "mae"):
            yield f"{kind}/{region}/{measure}", float(getattr(fidelity, measure))
    for name, value in score.perceptual.items():
        yield f"{kind}/all/{name}", value
    yield f"{kind}/{score.difficulty}/psnr", score.fidelity["all"].psnr
    if score.recovered_share is not None:
        yield f"{kind}/recovered_share", score.recovered_share
    if score.edge_bleed is not None:
        yield f"{kind}/edge_bleed", score.edge_bleed
    if score.blur_left_px is not None:
        yield "blur_left_px", score.blur_left_px
    if score.control is not None:
        yield "error_px", score.control.error_px
        yield f"{kind}/{score.difficulty}/error_px", score.control.error_px
    yield from _of_plane(score.plane, "")
    yield from _of_plane(score.blind_plane, "blind_")


def _of_plane(plane: PlaneError | None, prefix: str) -> Iterator[tuple[str, float]]:
    if plane is None:
        return
    yield f"{prefix}plane_found", float(plane.px is not None)
    if plane.px is not None and plane.share is not None:
        yield f"{prefix}plane_error_px", plane.px
        yield f"{prefix}plane_error", plane.share
