"""Built-in scenes: a small ray caster (camera, solids, light, shading, raster) and one file for each kind of scene."""
