"""What code does beyond the names that it binds: which objects it changes, aliases, and how far library calls reach. Begin with ``definition_effects.py``."""
