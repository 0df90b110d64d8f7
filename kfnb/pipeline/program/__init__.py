"""Parses ``%%pipeline`` cells: Python control flow over components becomes a graph and is never executed."""

from kfnb.pipeline.program.parse_pipeline_cell import build_program

__all__ = ["build_program"]
