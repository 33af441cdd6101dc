"""The reference scenes by name."""

from collections.abc import Callable

from pipelines.validate import indoors, outdoors
from pipelines.validate.surfaces import Painter, ReferenceScene, SurfacesAndFocus

SCENES: dict[str, Callable[[Painter], SurfacesAndFocus]] = {
    "cutouts": indoors.cutouts,
    "ground": outdoors.ground,
    "terrain": outdoors.terrain,
    "fence": outdoors.fence,
    "foliage": outdoors.foliage,
    "portrait": indoors.portrait,
    "interior": indoors.interior,
    "clutter": indoors.clutter,
    "corridor": indoors.corridor,
    "branches": outdoors.branches,
    "statue": outdoors.statue,
}


def reference_scene(name: str, seed: int) -> ReferenceScene:
    """The scene of that name, a pure function of both; another seed is another layout with other textures.

    Raises ValueError for a name that is none of SCENES.
    """
    if name not in SCENES:
        raise ValueError(f"scene must be one of {', '.join(SCENES)}; got {name!r}")
    surfaces, focus_m = SCENES[name](Painter(name, seed))
    return ReferenceScene(name, seed, tuple(surfaces), focus_m)
