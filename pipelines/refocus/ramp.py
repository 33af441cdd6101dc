"""A smooth step between two values."""

from torch import Tensor


def ramp(values: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """0 up to `low`, 1 from `high` on, smooth between."""
    x = ((values - low) / (high - low)).clamp(0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)
