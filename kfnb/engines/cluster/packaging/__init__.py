"""What travels with each step: its code, the runtime, packages and files. Begin with ``step_requirements.py``."""
