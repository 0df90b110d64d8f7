"""Marks: what tags, magics and metadata say of a cell and of a step. Begin with ``mark_table.py``."""
