"""Slow float64 twins of the scatter and the gather, and the methods that others use. Start reading here."""
