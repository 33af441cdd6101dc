"""Pictures of a data set, to be looked at by people."""
