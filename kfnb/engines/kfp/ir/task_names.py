"""Names of the tasks of Kubeflow Pipelines."""

from __future__ import annotations

from kfnb.engines.cluster.lowering.kubernetes_names import Names, label

#: names that the backend gives to nodes of its own (kubeflow/pipelines `backend/src/v2/compiler/argocompiler`)
RESERVED = frozenset({"root", "entrypoint", "executor", "iteration", "iteration-item"})
DRIVER = "-driver"  #: the end of the name of each driver: that of the step ``train`` is ``train-driver``


class TaskNames(Names):
    """Task names that differ from those of the backend's own nodes, so that a step named ``root`` is not taken for the whole run."""

    def new(self, name: str) -> str:
        text = label(name)
        return super().new(f"{name} step" if text in RESERVED or text.endswith(DRIVER) else name)
