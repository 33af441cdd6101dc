"""Pixels and bytes of a data set before it is rendered. The content changes the bytes by up to a factor of two."""

from pipelines.render.config import RenderConfig

ASPECT = 3 / 4
"""Height by width of a typical photo."""
BYTES_PER_PIXEL = {"jpg": 0.45, "webp": 0.2, "png": 1.5}
"""Of photo and frames, measured on photographs and built-in scenes at 768 px."""
DISPARITY_BYTES_PER_PIXEL = 1.3


def megapixels_per_sample(config: RenderConfig) -> float:
    """Of all frames of one sample."""
    return config.stack.frames * config.source.long_side**2 * ASPECT / 1e6


def bytes_per_sample(config: RenderConfig) -> int:
    """Estimated bytes of one sample: photo, disparity and all frames."""
    pixels = config.source.long_side**2 * ASPECT
    images = (1 + config.stack.frames) * BYTES_PER_PIXEL[config.storage.image_format]
    return round(pixels * (images + DISPARITY_BYTES_PER_PIXEL))
