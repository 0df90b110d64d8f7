"""What the two cluster engines, Argo Workflows and Kubeflow Pipelines, have in common.

``lowering`` turns a pipeline into jobs and blocks, and says what a cluster cannot do of it. ``packaging`` makes the code
that travels with each step. ``submission`` holds the settings of a run. ``following`` writes what a cluster says into the record of
runs. ``clients`` speak to the APIs, ``targets`` read ``kfnb.toml``, and ``trust`` asks the user before a file beside a notebook decides
whom kfnb talks to. Begin with ``lowering/jobs_and_blocks.py`` and ``lowering/lower_pipeline.py``.
"""
