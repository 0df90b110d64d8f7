"""Targets in ``kfnb.toml``: which files define them, what they may set, and which server they talk to. Begin with ``targets.py``."""
