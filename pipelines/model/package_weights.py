"""Where the weights that come with the package lie, apart from torch: the command line needs the place only."""

from pathlib import Path

PACKAGE_WEIGHTS = Path(__file__).parent / "weights"
"""Laid out as the folder of a run (checkpoint.py); its README.md is the model card."""
