"""The inline run view: a run, live, in the output of a cell of any front end."""
