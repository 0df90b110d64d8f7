"""Parameters: their declarations, what their values may be, and the values of a run."""
