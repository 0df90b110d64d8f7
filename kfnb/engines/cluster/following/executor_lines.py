"""Lines in a pod's log that the cluster's own tools wrote, and not the step.

Argo starts a step's command with a program of its own, argoexec, whose messages stand among what the step prints. They are recorded
beside the step's log, where ``kfnb logs --verbose`` finds them (argo-workflows `cmd/argoexec` and `util/logging`).
"""

from __future__ import annotations

import re

#: A message of argoexec: the form of versions from 4.0, and that of earlier ones with quoted times.
ARGOEXEC = re.compile(r'time="?\d{4}-\d\d-\d\dT[^ "]+"? level=[a-zA-Z]+ msg=.* ?\bargo=true\b')
EXITED = 'msg="sub-process exited"'
EXIT_STATUS = re.compile(r"Error: exit status \d+")  #: the last line of argoexec after a command that failed


class ExecutorLines:
    """Tells the lines of the cluster's tools from those of the step, in the order of the log."""

    def __init__(self) -> None:
        self._exited = False

    def split(self, text: str) -> tuple[str, str]:
        """What the step printed in a line, and what a tool wrote in it. One of them is nearly always empty.

        A step may end without a newline, and the message of a tool then stands in the same line.
        """
        found = ARGOEXEC.search(text)
        if found is not None:
            self._exited = self._exited or EXITED in text
            return text[: found.start()], text[found.start() :]
        if self._exited and EXIT_STATUS.fullmatch(text):
            return "", text
        return text, ""
