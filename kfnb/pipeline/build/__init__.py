"""Builds a pipeline from the units of a notebook: definitions and uses, conditions, edges. Begin with ``build_pipeline.py``."""
