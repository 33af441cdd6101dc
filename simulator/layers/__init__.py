"""A photo and its disparity as surfaces: mixed pixels split, hidden surfaces guessed, disparities binned.

`layering.from_photo` is the way in; it hands on a `Layers` record that is complete before any blur starts.
"""
