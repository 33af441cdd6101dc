"""A photo and its disparity as surfaces: mixed pixels split, hidden surfaces guessed, disparities binned."""
