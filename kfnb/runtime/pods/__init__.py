"""A step in a pod of Argo Workflows or Kubeflow Pipelines. Begin with ``pod_step.py``."""
