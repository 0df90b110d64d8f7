"""How a Workflow is followed: its nodes become the states of steps, and the logs of its pods are read. Begin with ``follow_workflow.py``."""
