"""Photos in, annotated training shards out: photos, depth, plan, draw, photo_to_sample, executors."""
