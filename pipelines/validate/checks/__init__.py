"""Measurements of the renderer with closed-form or exact truth, each with its bar, through its public API."""
