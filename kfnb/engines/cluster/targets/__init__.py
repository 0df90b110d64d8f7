"""Targets in ``kfnb.toml``: where they are found, what they may set, whom they talk to. Begin with ``targets.py``."""
