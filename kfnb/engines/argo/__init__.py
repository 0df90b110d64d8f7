"""The Argo engine: a pipeline as an Argo Workflow."""
