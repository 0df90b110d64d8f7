"""Lowering turns a pipeline into jobs and blocks, from which the engines emit their documents. Begin with ``jobs_and_blocks.py``."""
