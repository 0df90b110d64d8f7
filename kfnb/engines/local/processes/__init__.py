"""The processes of a local run: the one that carries the run, and the fork servers that start its steps."""
