"""Procedural textures: pure functions of position and seed."""
