"""A depth group: neighboring disparity bins of a scene, blurred as one.

For one lens, a bin is either blurred as a bin, with the spot of its center, or, near the plane in focus, left to
`near_focus`. Letters: L bins; n lenses; k lenses that the colors see through; s signed blur radius.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch

from simulator.layers.bins import BinnedSurfaces
from simulator.optics.aperture import Aperture, narrowed_radius_px
from simulator.optics.lens import ThinLens
from simulator.optics.pupil_modes import PupilMode, PupilModes
from simulator.scatter.convolve import BlurredGroup, WeightedModes
from simulator.scatter.direct_taps import DIRECT_PX
from simulator.scatter.disc_lines import DirectLight, SpotDots, disc_table
from simulator.scatter.field_spots import field_discs
from simulator.scatter.group_spectra import Bin, GroupSpectra
from simulator.scatter.near_focus import NEGLIGIBLE_SLOPE2, NearFocus, near_radius_px, spread_near_focus
from simulator.scatter.octave import RING, TAIL, OctaveGrid, coarsest_octave, rendered_radius
from simulator.scatter.spot_spectra import SpotSpectra
from simulator.scatter.spread_bin import SpreadBin

_SHIFTED = 1.25  # radii from a spot that its disc reaches on a slope of 1
_SIDE_PX = 1.0  # blur radius from which a group lies clearly on one side of the focus

Radii = list[float | None]
"""For each color, the signed radius of a spot in cells of the grid; None: no spot for this color."""


@dataclass(frozen=True)
class _View:
    """A group seen through one lens.

    colors:  the lens for each color, or a single one.
    octaves: of each bin.
    near:    for each color, the content near the plane in focus.
    discs:   for each color, the discs of the bright spots.
    """

    lens: ThinLens
    colors: list[ThinLens]
    octaves: list[int]
    near: list[NearFocus]
    discs: list[DirectLight | None]

    @property
    def octave(self) -> int:
        return min(self.octaves)


class DepthGroup:
    """Bins of one depth range, nearest first, none of them empty."""

    def __init__(self, bins: Sequence[Bin], surfaces: BinnedSurfaces, margin: int, frame: OctaveGrid) -> None:
        self.bins = bins
        self._surfaces, self._margin, self._size = surfaces, margin, (frame.height, frame.width)
        self._spectra = GroupSpectra(bins, surfaces, margin, frame)
        self._bright = surfaces.spots_of(bins[0].number, bins[-1].number)

    def spectra_bytes(self, lenses: Sequence[ThinLens]) -> int:
        """Bytes of the spectra that these lenses need."""
        return self._spectra.nbytes(len(self._slanted(lenses)))

    def release(self) -> None:
        """Free the spectra; they are computed again when needed."""
        self._spectra.release()

    def octave(self, lens: ThinLens, aperture: Aperture) -> int:
        """Octave of the coarsest grid that suffices for a lens."""
        return min(self._octaves(lens, aperture))

    def mean_defocus_px(self, lens: ThinLens, aperture: Aperture) -> list[float]:
        """For each color, the signed blur radius in the middle of the group; 0 where it reaches into the focus."""
        least_px = max(self._surfaces.bins.gap * lens.blur_scale_px, _SIDE_PX)
        ranges = [self._defocus_px(color) for color in aperture.channel_lenses(lens)]
        is_clear = [min(defocus) > least_px or max(defocus) < -least_px for defocus in ranges]
        return [clear * (defocus[0] + defocus[-1]) / 2 for clear, defocus in zip(is_clear, ranges, strict=True)]

    def blurred(self, lenses: Sequence[ThinLens], aperture: Aperture, modes: PupilModes | None = None) -> BlurredGroup:
        """Light and coverage blurred for n lenses, on the grid of the octave that all of them need.

        modes: of a pupil that varies over the frame; `aperture` is then that of its middle.
        """
        views = [self._view(lens, aperture, modes) for lens in lenses]
        octave, grid = views[0].octave, self._spectra.grid
        radii = [self._radii(view, aperture, octave) for view in views]
        slanted, spread_by_mode = self._slanted(lenses), []
        all_nodes = [node for view in views for zone in view.near for node in zone.nodes]
        node_spectra = [self._spectra.spectrum(node.content, node.rows) for node in all_nodes]
        for pupil in modes.modes if modes else [aperture.pupil]:
            spots = self._spots(pupil)
            nodes = self._node_bins(views, spots, node_spectra)
            spread_by_mode.append(
                [
                    [
                        *self._binned(bin_radii, view, spots, len(views) > 1),
                        *self._skewed(bin_radii, view, aperture, spots, slanted, len(views) > 1),
                        *near_nodes,
                    ]
                    for view, bin_radii, near_nodes in zip(views, radii, nodes, strict=True)
                ]
            )
        spread = spread_by_mode[0]
        rendered = (abs(s) for bin_radii in radii for colors in bin_radii for s in colors if s is not None)
        near = (abs(node.defocus_px) for view in views for zone in view.near for node in zone.nodes)
        coarsest = max([bin_.coarseness for bins in spread for bin_ in bins], default=1)
        bright = (abs(s) * _SHIFTED for view in views for s in self._bright_defocus_px(view))
        reach = max(chain([DIRECT_PX], rendered, near, bright)) + (2 * TAIL * coarsest if coarsest > 1 else 0)
        rows = grid.rows_reached(*self._spectra.rows_held, reach, octave)
        direct = [view.near for view in views], [view.discs for view in views]
        weighted: WeightedModes = ()
        if modes:
            weights = modes.weights(octave, RING if octave else 0, self.device)
            weighted = tuple(zip(spread_by_mode, weights, strict=True))
        return BlurredGroup(spread, grid, 2 ** (octave - grid.octave), rows, *direct, weighted)

    def _view(self, lens: ThinLens, aperture: Aperture, modes: PupilModes | None) -> _View:
        colors = aperture.channel_lenses(lens)
        near = [
            self._near(color, aperture.of_channel(k), modes and modes.of_channel(k)) for k, color in enumerate(colors)
        ]
        return _View(lens, colors, self._octaves(lens, aperture), near, self._discs(colors, aperture.pupil, modes))

    def _discs(self, colors: Sequence[ThinLens], pupil: Aperture, modes: PupilModes | None) -> list[DirectLight | None]:
        """For each color, the discs of the bright spots; None where there are none."""
        if not self._bright.count:
            return [None] * len(colors)
        (height, width), margin = self._size, self._margin
        discs = []
        for number, color in enumerate(colors):
            pupil = pupil.of_channel(number)
            dots = SpotDots.seen(self._bright, color, pupil, width + 2 * margin, margin)
            if len(colors) > 1:
                dots = replace(dots, light=dots.light[number : number + 1])
            if modes:
                discs.append(field_discs(dots, modes.of_channel(number), (height, width)))
            else:
                discs.append(disc_table(pupil, self.device).drawn(dots, height, width))
        return discs

    def _bright_defocus_px(self, view: _View) -> list[float]:
        """Signed blur radii of the nearest and the farthest bright spot, for each color."""
        if not self._bright.count:
            return []
        ends = [float(end) for end in self._bright.disparity.aminmax()]
        return [color.blur_scale_px * (end - color.focus_disparity) for color in view.colors for end in ends]

    def _near(self, lens: ThinLens, aperture: Aperture, modes: PupilModes | None) -> NearFocus:
        """Content near the plane in focus; none for filled-in surfaces, which lie on a coarse grid."""
        if self._spectra.grid.octave:
            return NearFocus()
        numbers = [bin_.number for bin_ in self.bins]
        return spread_near_focus(self._surfaces, numbers, self._size, self._margin, lens, aperture.pupil, modes)

    def _octaves(self, lens: ThinLens, aperture: Aperture) -> list[int]:
        """For each bin, the octave that suffices for its smallest radius; the finest near focus and for sharp bins.

        Centers of bins may lie beyond the scene's range, and so beyond R, for which the grid was padded.
        """
        colors = [self._defocus_px(color) for color in aperture.channel_lenses(lens)]
        finest, near_px = self._spectra.grid.octave, near_radius_px(self._surfaces.bins.gap * lens.blur_scale_px)
        octaves = []
        for bin_, defocus in zip(self.bins, zip(*colors, strict=True), strict=True):
            smallest_px = min(map(abs, defocus))
            is_finest = bin_.is_sharp or smallest_px <= near_px
            suffices = finest if is_finest else coarsest_octave(smallest_px * aperture.fineness)
            octaves.append(min(max(finest, suffices), self._spectra.grid.coarsest))
        return octaves

    def _defocus_px(self, lens: ThinLens) -> list[float]:
        """Signed blur radius of each bin, positive in front of the plane in focus."""
        return [lens.blur_scale_px * (b.disparity - lens.focus_disparity) for b in self.bins]

    def _radii(self, view: _View, aperture: Aperture, octave: int) -> list[Radii]:
        """For each bin and color, the radius of the spot; None where the bin is left to `near_focus`."""
        radii: list[Radii] = []
        pupils = [aperture.of_channel(number) for number in range(len(view.colors))]
        for b, bin_octave in zip(self.bins, view.octaves, strict=True):
            defocus = [view.lens.blur_scale_px * (b.disparity - color.focus_disparity) for color in view.colors]
            radii.append(
                [
                    None if b.number in zone.bins else self._rendered(s, view, pupil, octave, bin_octave)
                    for s, zone, pupil in zip(defocus, view.near, pupils, strict=True)
                ]
            )
        return radii

    def _rendered(self, defocus_px: float, view: _View, aperture: Aperture, octave: int, bin_octave: int) -> float:
        """The signed radius of a bin's spot, in cells of the grid, less the variance that sharing and octaves add."""
        moment = aperture.moment(defocus_px)
        added_px2 = view.lens.blur_scale_px**2 * self._surfaces.bins.variance
        radius_px = narrowed_radius_px(abs(defocus_px), added_px2, moment) if added_px2 else abs(defocus_px)
        return math.copysign(
            rendered_radius(radius_px, self._spectra.grid.octave, octave, bin_octave, moment), defocus_px
        )

    def _binned(self, radii: Sequence[Radii], view: _View, spots: SpotSpectra, keep_all: bool) -> list[SpreadBin]:
        """The bins with their spots. keep_all: also bins without a spot, for lenses that are blurred together."""
        spread = []
        for index, (bin_radii, octave) in enumerate(zip(radii, view.octaves, strict=True)):
            if keep_all or any(radius is not None for radius in bin_radii):
                coarseness = 2 ** (octave - self._spectra.grid.octave)
                mix = spots.mix(bin_radii, coarseness, self._spectra.grid.parts)
                spread.append(SpreadBin(self._spectra.bin_spectrum(index, coarseness), mix, coarseness))
        return spread

    def _skewed(
        self,
        radii: Sequence[Radii],
        view: _View,
        aperture: Aperture,
        spots: SpotSpectra,
        slanted: Sequence[int],
        keep_all: bool,
    ) -> list[SpreadBin]:
        """The terms that slopes add to the slanted bins: − ∇·(content s ⟨u²⟩ ∇s), for each color.

        The part u of the lens sees a pixel of a slope 1 + u·∇s times as large as the middle of the lens does, so the
        light of its disc is skewed by that factor. The disc's middle moves by s ⟨u²⟩ ∇s; without that, discs on a slope
        cover 1 + ⟨u²⟩ |∇s|² of the lens. ⟨u²⟩, along one axis, is half the pupil's second moment, ¼ for a disc. That
        shift is, to first order, this divergence. It changes nothing finer than a disc, so a coarse grid suffices.
        """
        grid, spread = self._spectra.grid, []
        for index in slanted:
            b, octave = self.bins[index], max(view.octaves[index], self._spectra.finest_skew_octave)
            coarseness = 2 ** (octave - grid.octave)
            for place, (color, radius) in enumerate(zip(view.colors, radii[index], strict=True)):
                if radius is None and not keep_all:
                    continue
                s = view.lens.blur_scale_px * (b.disparity - color.focus_disparity)
                rendered: Radii = [None] * len(view.colors)
                if radius is not None and self._is_slanted(b, view.lens):
                    rendered[place] = self._rendered(s, view, aperture.of_channel(place), view.octave, octave)
                shift = view.lens.blur_scale_px * s * aperture.of_channel(place).moment(s) / 2
                skew = self._spectra.skew_spectrum(index, coarseness) * -shift
                spread.append(SpreadBin(skew, spots.mix(rendered, coarseness, grid.parts), coarseness))
        return spread

    def _slanted(self, lenses: Sequence[ThinLens]) -> list[int]:
        """Bins whose slope matters for any of the lenses: lenses that are blurred together need the same bins."""
        return [index for index, b in enumerate(self.bins) if any(self._is_slanted(b, lens) for lens in lenses)]

    @staticmethod
    def _is_slanted(bin_: Bin, lens: ThinLens) -> bool:
        return lens.blur_scale_px**2 * bin_.slope2 >= NEGLIGIBLE_SLOPE2

    def _node_bins(
        self, views: Sequence[_View], spots: SpotSpectra, spectra: Sequence[torch.Tensor]
    ) -> list[list[SpreadBin]]:
        """For each lens, the nodes of all lenses as bins; nodes of another lens or color have no spot."""
        spread, following = [list[SpreadBin]() for _ in views], iter(spectra)
        for owner, view in enumerate(views):
            for color, zone in enumerate(view.near):
                for node in zone.nodes:
                    spectrum = next(following)
                    for number, bins in enumerate(spread):
                        is_lit = [number == owner and other == color for other in range(len(view.near))]
                        radii: Radii = [node.defocus_px if lit else None for lit in is_lit]
                        bins.append(SpreadBin(spectrum, spots.mix(radii, 1, self._spectra.grid.parts), 1))
        return spread

    def _spots(self, pupil: Aperture | PupilMode) -> SpotSpectra:
        grid = self._spectra.grid
        return SpotSpectra(pupil, grid.parts * grid.padded_height, grid.padded_width, self.device)

    @property
    def device(self) -> torch.device:
        """Where the tensors lie."""
        return self._surfaces.device
