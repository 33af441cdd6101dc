"""Things one runs: `python -m pipelines VERB`. Imports `simulator` and `shards`, never the other way."""
