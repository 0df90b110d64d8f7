"""Splits a notebook into units in reading order: steps, shared statements, and what stays outside. Begin with ``notebook_units.py``."""
