"""Surfaces to frames, fast: each disparity bin spreads over its disc in the frequency domain."""
