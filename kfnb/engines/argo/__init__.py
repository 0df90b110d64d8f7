"""The Argo engine: it compiles a pipeline to an Argo Workflow, submits it and follows it.

Begin with ``argo_engine.py``, which says what happens in which order. ``workflow_manifest.py`` emits the Workflow: it looks names up in
``workflow_context.py``, and puts together ``dag_templates.py``, ``dag_template_tasks.py`` and ``container_templates.py``.
``follow_workflow.py`` watches the Workflow, and ``workflow_nodes.py`` reads the states of steps from its nodes.
"""
