"""Scores of refocusing methods against known blur: picture errors by region, and whether they obey their controls."""
