"""The reference scenes by name."""

from collections.abc import Callable

from pipelines.validate.indoors import clutter, corridor, cutouts, interior, portrait
from pipelines.validate.outdoors import branches, fence, foliage, ground, statue, terrain
from pipelines.validate.surfaces import Painter, ReferenceScene, SurfacesAndFocus

SCENES: dict[str, Callable[[Painter], SurfacesAndFocus]] = {
    scene.__name__: scene
    for scene in (
        cutouts, ground, terrain, fence, foliage, portrait,
        interior, clutter, corridor, branches, statue,
    )
}  # fmt: skip


def reference_scene(name: str, seed: int) -> ReferenceScene:
    """The scene of that name, a pure function of both; another seed is another layout with other textures.

    Raises ValueError for a name that is none of SCENES.
    """
    if name not in SCENES:
        raise ValueError(f"scene must be one of {', '.join(SCENES)}; got {name!r}")
    surfaces, focus_m = SCENES[name](Painter(name, seed))
    return ReferenceScene(name, seed, tuple(surfaces), focus_m)
