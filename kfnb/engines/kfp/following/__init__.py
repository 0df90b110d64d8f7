"""States of steps, from what Kubeflow Pipelines and its Workflows say about a run."""
