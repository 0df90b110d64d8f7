"""How runs are submitted and retried on a cluster, and the settings of their pods. Begin with ``cluster_engine.py``."""
