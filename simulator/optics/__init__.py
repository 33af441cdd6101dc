"""The laws of the lens, one a file: what a point of light becomes, and what the sensor makes of it."""
