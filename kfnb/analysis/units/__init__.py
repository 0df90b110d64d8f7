"""Reads one unit, a step or a shared statement, from top to bottom. Begin with ``unit_reader.py``."""
