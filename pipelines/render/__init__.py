"""Photos in, annotated training shards out. A folder a stage: photos, plan, depth, sample, executors."""
