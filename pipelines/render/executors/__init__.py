"""Who renders the shards: this process, or Ray workers."""
