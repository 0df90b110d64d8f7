"""The scheduler of local runs: which steps run next, and with which spec. Begin with ``scheduler.py``."""
