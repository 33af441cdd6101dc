"""Built-in scenes: a small ray caster (camera, solids, light, raster) and one file per few kinds of scene."""
