"""Lines in a pod's log that the cluster's own tools wrote, and not the step.

Argo starts a step's command with a program of its own, argoexec, whose messages stand among what the step prints. They are recorded
beside the step's log, where ``kfnb logs --verbose`` finds them (argo-workflows `cmd/argoexec` and `util/logging`). Kubeflow Pipelines puts
its launcher between them, which writes in the form of Go's glog, and at the end all outputs of the step as indented JSON
(kubeflow/pipelines `backend/src/v2/component/launcher_v2.go`).
"""

from __future__ import annotations

import re

#: A message of argoexec: the form of versions from 4.0, and that of earlier ones with quoted times.
ARGOEXEC = re.compile(r'time="?\d{4}-\d\d-\d\dT[^ "]+"? level=[a-zA-Z]+ msg=.* ?\bargo=true\b')
EXITED = 'msg="sub-process exited"'
EXIT_STATUS = re.compile(r"Error: exit status \d+")  #: the last line of argoexec after a command that failed
#: A message of the launcher of Kubeflow Pipelines. Python's absl writes the same form, with the name of a file of Python.
LAUNCHER = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ [\w-]+\.go:\d+\] ")
OUTPUTS, OUTPUTS_END = "ExecutorOutput: {", "}"  #: the first and the last line of the outputs as JSON


class ExecutorLines:
    """Tells the lines of the cluster's tools from those of the step, in the order of the log."""

    def __init__(self) -> None:
        self._exited = False
        self.last_words = ""  #: with which the launcher or a driver of Kubeflow Pipelines gave up
        self._in_outputs = False  #: whether the next line is one of the outputs as JSON

    def split(self, text: str) -> tuple[str, str]:
        """What the step printed in a line, and what a tool wrote in it. One of them is nearly always empty.

        A step may end without a newline, and the message of a tool then stands in the same line.
        """
        if self._in_outputs:
            self._in_outputs = text != OUTPUTS_END
            return "", text
        launcher = LAUNCHER.search(text)
        if launcher is not None:
            message = text[launcher.end() :]
            self._in_outputs = message == OUTPUTS
            self.last_words = message if launcher[1] == "F" else self.last_words
            return text[: launcher.start()], text[launcher.start() :]
        found = ARGOEXEC.search(text)
        if found is not None:
            self._exited = self._exited or EXITED in text
            return text[: found.start()], text[found.start() :]
        if self._exited and EXIT_STATUS.fullmatch(text):
            return "", text
        return text, ""
