"""Effect analysis: what code reads, changes and draws from beyond the names that it binds. Begin with ``definition_effects.py``."""
