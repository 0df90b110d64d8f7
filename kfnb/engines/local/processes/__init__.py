"""The processes of a local run: the one that runs the scheduler, and the fork servers that start the steps. Begin with ``run_process.py``."""
