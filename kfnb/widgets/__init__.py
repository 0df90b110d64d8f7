"""The inline view: a live run, or a sweep, in the output of a notebook cell."""
