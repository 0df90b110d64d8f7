"""Keeps the steps of a local run within their marks `cpu` and `memory`, as far as this machine lets us."""
