"""One run on a machine with a GPU: is it right, and how fast is it? In miniature on a CPU, so that it is tested."""
