"""From a pipeline to jobs and blocks, which the emitters of the engines read. Begin with ``jobs_and_blocks.py``."""
