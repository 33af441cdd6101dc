"""How fast: the renderer against direct and binned scatter, the pipeline against its slowest stage, the reader."""
