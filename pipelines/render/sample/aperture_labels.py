"""The aperture as the labels carry it: the fields that `ApertureRecord` and `simulator.Aperture` have in common.

Neither package may import the other. This is the only place where both meet, and it goes by the names of their fields:
a parameter that is a field of both is labeled, read back and drawn by recipes without a line here.
"""

from dataclasses import fields
from typing import Any

from shards.record import ApertureRecord
from simulator import Aperture

NOT_LABELED = frozenset({"raster", "psf", "field"})
"""Fields of Aperture without a label of their own: pixels of rasters and PSFs (a SHA-256 stands for them), and the
place of one pixel's pupil."""
LABELED = tuple(field.name for field in fields(Aperture) if field.name not in NOT_LABELED)


def aperture_record(aperture: Aperture) -> ApertureRecord:
    """The labels of an aperture."""
    by_file = "psf" if aperture.psf else "raster" if aperture.raster else ""
    return ApertureRecord(
        shape=by_file or ("disc" if aperture.blades == 0 else "blades"),
        raster_sha256=aperture.raster.sha256 if aperture.raster else "",
        psf_sha256=aperture.psf.sha256 if aperture.psf else "",
        **_labeled(aperture),
    )


def aperture_of(record: ApertureRecord) -> Aperture | None:
    """The aperture that the labels describe; None where it has a raster or PSFs, whose pixels they do not hold."""
    return None if record.raster_sha256 or record.psf_sha256 else Aperture(**_labeled(record))


def _labeled(parameters: Aperture | ApertureRecord) -> dict[str, Any]:
    return {name: getattr(parameters, name) for name in LABELED}
