"""What the pages and plots that people open have in common: colors, number format, templates whose values are text."""
