"""How a run on a cluster is followed: the states and logs that the cluster reports go into the record of runs. Begin with ``run_recorder.py``."""
