"""Photos: listed, decoded, compared."""
