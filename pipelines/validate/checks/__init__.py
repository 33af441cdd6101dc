"""Measurements of the renderer against closed forms and exact renders, each with a bar."""
