"""``%%pipeline`` cells: Python control flow over components, read as a graph and never executed."""

from kfnb.pipeline.program.parse_pipeline_cell import build_program

__all__ = ["build_program"]
