"""Depth by a network, whatever runs it: photos of one input size go through it together.

A network sees each photo at an input size of its own choice; sizes never mix in a batch. A subclass says how a photo
becomes its input, and what its output means.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from pipelines.errors import Rejection, UserError
from pipelines.render.depth.disparity_map import DisparityMap, PreparedDepth, RawDepth, disparity_map
from pipelines.render.photos.photo import Photo

MAX_ASPECT = 4.0  # the tokens grow with it, attention with their square: 10:1 would be 13,690 tokens


class NetworkDepth(ABC):
    """A loaded network on one device. Built in the worker; the weights come from a file, never the network."""

    def __init__(self, *, device: str, batch_size: int = 4, deband: bool = True) -> None:
        """`deband`: see `disparity_map`."""
        if batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {batch_size}")
        self.device = torch.device(device)
        self.batch_size = batch_size
        self.deband = deband

    @abstractmethod
    def input_of(self, photo: Photo) -> Tensor:
        """The network's input, float32 [1, 3, h, w] on the CPU. Thread-safe."""

    @abstractmethod
    def raw_depths(self, pixels: Tensor, photos: Sequence[Photo]) -> list[RawDepth]:
        """Outputs for inputs [B, 3, h, w] on the CPU, made from B photos."""

    def prepared(self, photo: Photo) -> Tensor | Rejection:
        """The network's input, [1, 3, h, w] on the CPU."""
        height, width = photo.srgb.shape[:2]
        if max(height, width) > MAX_ASPECT * min(height, width):
            why = f"sides must be within {MAX_ASPECT:g}:1 for a depth model, got {width}x{height}"
            return Rejection("depth", "aspect", f"{why}; crop it, or bring a sidecar")
        return self.input_of(photo)

    def maps(self, photos: Sequence[Photo], prepared: Sequence[PreparedDepth]) -> list[DisparityMap | Rejection]:
        """One disparity map or one Rejection a photo, in the order of the photos."""
        results = {index: one for index, one in enumerate(prepared) if not isinstance(one, Tensor)}
        inputs = [(index, one) for index, one in enumerate(prepared) if isinstance(one, Tensor)]
        for batch in _batches(inputs, self.batch_size):
            seen = [photos[index] for index, _ in batch]
            with torch.inference_mode(), _fitting(len(batch)):
                raw = self.raw_depths(torch.cat([pixels for _, pixels in batch]), seen)
                for (index, _), photo, depth in zip(batch, seen, raw, strict=True):
                    results[index] = self._disparity(depth, photo)
        return [results[index] for index in range(len(photos))]

    def _disparity(self, raw: RawDepth, photo: Photo) -> DisparityMap | Rejection:
        try:
            return disparity_map(raw, photo.srgb, deband=self.deband)
        except Rejection as rejection:
            return rejection


@contextmanager
def _fitting(photos: int) -> Iterator[None]:
    """Memory that runs out on a GPU is the user's matter. A smaller batch might change bits, so none is taken."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        way_out = "lower --depth-batch or --workers-per-gpu"
        raise UserError(
            f"depth of {photos} photos at once must fit the GPU's memory, it does not; {way_out}"
        ) from error


def _batches(inputs: Sequence[tuple[int, Tensor]], batch_size: int) -> Iterator[list[tuple[int, Tensor]]]:
    """Numbered inputs of one size, at most `batch_size` of them; at most one open batch a size is held."""
    waiting: dict[torch.Size, list[tuple[int, Tensor]]] = {}
    for index, pixels in inputs:
        batch = waiting.setdefault(pixels.shape, [])
        batch.append((index, pixels))
        if len(batch) == batch_size:
            yield waiting.pop(pixels.shape)
    yield from waiting.values()
