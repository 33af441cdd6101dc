"""Pictures as arrays and as sheets for people, used by several verbs: 8-bit sRGB, resizing, drawing, contact sheets."""
