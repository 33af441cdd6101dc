"""Slow float64 twins of scatter and gather, and the methods of other generators. Start reading here."""
