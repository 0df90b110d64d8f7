"""The Kubeflow Pipelines engine: it compiles a pipeline to IR, submits it over REST and follows the run.

Begin with ``kfp_engine.py``, which says what happens in which order. ``ir`` emits the specification, from ``pipeline_ir.py`` downwards.
``runtime_delivery.py`` decides how steps get kfnb's runtime. ``following`` finds the states of steps: in the nodes of the run's
Workflow where Kubernetes may be asked, else in what the REST API says.
"""
