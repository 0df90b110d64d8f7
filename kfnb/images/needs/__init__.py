"""What each step needs besides its code: packages, modules and files. Begin with ``step_requirements.py``."""
