"""The logs of pods, without the lines that are for the engine or of the cluster's own programs. Begin with ``pod_logs.py``."""
