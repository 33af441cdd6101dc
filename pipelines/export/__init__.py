"""A finished data set in the forms that other trainers and readers take; one file a format."""
