"""Checks of a data set's labels: each is a figure, its bound, and the worst samples."""
