"""Which notebook a live kernel belongs to, and which of its cells were run."""
