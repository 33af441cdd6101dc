"""Recipes of lenses: ranges, within which a scene's lens is sampled.

A pair is (lowest, highest); equal ends fix a value. Optics are those of lenses that exist; depths are an assumption,
used where disparity is relative, and recorded with every sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from simulator import Aperture
from simulator.optics.lens import DepthRange

Range = tuple[float, float]


@dataclass(frozen=True)
class LensRecipe:
    """Ranges of one kind of lens.

    focal_length_mm, sensor_width_mm: 0.0: what the photo's EXIF says.
    f_number:      (0, 0): blur levels are sampled within the stack's flags instead.
    depth:         distances that relative disparity stands for; None where nothing is assumed.
    blades:        numbers to choose from, 0 a disc.
    aperture:      any numbers of simulator.Aperture by their names; those not named keep their defaults.
    focus_shift:   of red and blue against green, in shares of the scene's depth range; negative as lenses mostly have
                   it (secondary spectrum): green fringes behind the plane in focus, magenta ones in front of it.
    lateral:       magnification of red less 1; blue's is the opposite.
    highlight_peak: of the highlight curve; (1, 1) leaves clipped light at white.
    full_well_electrons, read_noise_electrons: of the sensor; 0 is no noise.
    jpeg_quality:  of frames before they are stored; (0, 0): not compressed once more.
    """

    name: str
    focal_length_mm: float = 0.0
    sensor_width_mm: float = 0.0
    f_number: Range = (0.0, 0.0)
    depth: DepthRange | None = None
    blades: tuple[int, ...] = (0,)
    aperture: Mapping[str, Range] = field(default_factory=dict)
    focus_shift: Range = (0.0, 0.0)
    lateral: Range = (0.0, 0.0)
    highlight_peak: Range = (1.0, 1.0)
    full_well_electrons: Range = (0.0, 0.0)
    read_noise_electrons: Range = (0.0, 0.0)
    jpeg_quality: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        numbers = [each.name for each in fields(Aperture) if each.type == "float"]
        if unknown := sorted(set(self.aperture) - set(numbers)):
            raise ValueError(f"recipe {self.name}: aperture must name some of {numbers}, got {unknown}")


LENS_RECIPES = {
    recipe.name: recipe
    for recipe in (
        # A disc without aberrations, a sensor without noise.
        LensRecipe("plain"),
        # A fast 85 mm on full frame: round blades, slight cat-eyes, green and magenta fringes.
        LensRecipe(
            "portrait-85mm", 85.0, 36.0, (1.4, 4.0), DepthRange(1.5, 10.0), blades=(9, 11),
            focus_shift=(-0.02, 0.0), lateral=(-2e-4, 2e-4),
            highlight_peak=(4.0, 20.0), full_well_electrons=(8e3, 5e4), read_noise_electrons=(1.5, 4.0),
            jpeg_quality=(85, 98),
            aperture={"roundness": (0.6, 1.0), "spherical": (-0.3, 0.3), "cat_eye": (0.2, 0.5)},
        ),
        # A phone's main camera: small discs, more noise, stronger compression.
        LensRecipe(
            "phone", 6.86, 9.13, (1.6, 2.4), DepthRange(0.2, 20.0), lateral=(-4e-4, 4e-4), highlight_peak=(2.0, 8.0),
            full_well_electrons=(1e3, 6e3), read_noise_electrons=(1.0, 3.0), jpeg_quality=(70, 92),
        ),
        # A 58 mm f/2 of the 1960s: strong cat-eyes that seem to swirl, bright rims, straight blades, fringes.
        LensRecipe(
            "vintage-swirl", 58.0, 36.0, (2.0, 4.0), DepthRange(0.8, 10.0), blades=(6, 8),
            focus_shift=(-0.03, 0.0), lateral=(-8e-4, 8e-4),
            highlight_peak=(4.0, 16.0), full_well_electrons=(8e3, 3e4), read_noise_electrons=(2.0, 6.0),
            jpeg_quality=(80, 95),
            aperture={"roundness": (0.0, 0.5), "spherical": (0.3, 0.9), "cat_eye": (0.7, 1.1)},
        ),
        # A catadioptric 500 mm: rings instead of discs, no color (mirrors have none).
        LensRecipe(
            "mirror-500mm", 500.0, 36.0, (6.3, 11.0), DepthRange(20.0, 200.0), highlight_peak=(4.0, 16.0),
            full_well_electrons=(3e3, 2e4),
            read_noise_electrons=(2.0, 5.0), jpeg_quality=(85, 97),
            aperture={"obstruction": (0.38, 0.5), "cat_eye": (0.0, 0.3)},
        ),
        # A 50 mm anamorphic on Super 35: upright ovals, some lateral color, a fine sensor.
        LensRecipe(
            "cine-anamorphic", 50.0, 24.89, (2.0, 4.0), DepthRange(1.0, 15.0), blades=(0, 11, 15),
            focus_shift=(-0.01, 0.0), lateral=(-6e-4, 6e-4), highlight_peak=(6.0, 24.0), full_well_electrons=(2e4, 6e4),
            read_noise_electrons=(1.5, 3.0),
            aperture={"roundness": (0.5, 1.0), "squeeze": (1.5, 2.0), "cat_eye": (0.1, 0.4), "spherical": (-0.2, 0.4)},
        ),
    )
}  # fmt: skip
"""By the names that `--lens-recipe` takes."""
