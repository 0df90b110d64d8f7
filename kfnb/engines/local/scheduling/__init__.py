"""What runs next on this machine, and with which specification. Begin with ``scheduler.py``."""
