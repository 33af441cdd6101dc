"""Which photo becomes which sample of which shard, frozen before any work."""
