"""The Kubeflow Pipelines engine: a pipeline as IR of schema 2.1.0."""
