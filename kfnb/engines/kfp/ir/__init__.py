"""Emission of Kubeflow Pipelines' IR: DAG components, their tasks, and the components and executors of steps."""
