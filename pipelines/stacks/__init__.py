"""Focus stacks of cameras and other renderers, read from their makers' folders and labeled in our terms."""
