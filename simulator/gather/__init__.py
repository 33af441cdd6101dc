"""Surfaces to frames, ray by ray through the aperture: quality="exact"."""
