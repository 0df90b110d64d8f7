"""Engines run pipelines: on this machine, on Argo Workflows, on Kubeflow Pipelines. Begin with ``engine_interface.py``."""
