"""Executors render the shards: in this process, or on Ray workers."""
