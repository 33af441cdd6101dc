"""Verbs on a real S3 server whose answers fail, break off or are late."""
