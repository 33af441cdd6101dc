"""Photos in, annotated training shards out: photos, depth, plan, draw, build_sample, executors."""
