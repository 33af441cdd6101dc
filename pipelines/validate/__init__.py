"""Path-traced scenes, error tables and pictures: the renderer checked against a real thin lens."""
