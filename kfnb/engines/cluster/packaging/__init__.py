"""The code that travels with each step, and the files that a script unpacks itself. Begin with ``code_bundle.py``."""
