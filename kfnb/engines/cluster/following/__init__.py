"""From what a cluster says about a run to the record of runs. Begin with ``recorded_cluster_runs.py``."""
