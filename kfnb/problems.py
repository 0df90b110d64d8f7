"""Problems of notebooks and requests: the class, the errors that carry them, and the table of all codes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

DOCUMENTATION = "https://kfnb.readthedocs.io/en/stable/"  #: where the site of `mkdocs.yml` stands

ERROR = "error"
WARNING = "warning"
INFO = "info"


@dataclass(frozen=True)
class Problem:
    """One problem, for a person and for a program.

    Parameters
    ----------
    code
        Stable code from `kfnb.problems.KINDS`, such as ``"KF101"``.
    message
        What happened, with the user's names. One sentence without a full stop.
    hint
        What to do. Empty if the message says it.
    cell
        The number of the code cell, counting code cells only, from 1: what ``In [n]`` shows after *Run All*.
    cell_id
        The nbformat id of the cell, if it has one.
    line
        The line in the cell as the user sees it, from 1.
    name
        The variable, step, tag or option that the problem is about.
    marks
        Tags for the cell, each of which solves the problem, the most likely first. A front end can offer them as buttons.
    """

    code: str
    message: str
    hint: str = ""
    cell: int | None = None
    cell_id: str | None = None
    line: int | None = None
    name: str | None = None
    marks: tuple[str, ...] = ()

    @property
    def severity(self) -> str:
        return KINDS[self.code].severity

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "severity": self.severity, "kind": KINDS[self.code].slug, "about": KINDS[self.code].doc}

    @property
    def page(self) -> str:
        """The address of the code's page, which has an example and its correction."""
        return f"{DOCUMENTATION}reference/problems/{self.code}/"

    def where(self) -> str:
        """The place of the problem, such as ``"cell 7:3: "``, as far as it is known."""
        if self.cell is None:
            return ""
        return f"cell {self.cell}:{self.line}: " if self.line is not None else f"cell {self.cell}: "

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.where()}{self.severity} {self.code}: {self.message}{hint}"


def located(problem: Problem) -> str:
    """A problem of a text file, with the line of the file in front: ``"37: cell 7: error KF301: …"``."""
    if problem.cell is None or problem.line is None:
        return f"{problem.line}: {problem}" if problem.line is not None else str(problem)
    return f"{problem.line}: cell {problem.cell}: {replace(problem, cell=None)}"


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its severity, short name and documentation."""

    severity: str
    slug: str
    doc: str


def errors(problems: tuple[Problem, ...] | list[Problem]) -> list[Problem]:
    """The problems that prevent a run."""
    return [p for p in problems if p.severity == ERROR]


class UserError:
    """A base class, beside `Exception`, of errors that the user can correct. IPython shows their text instead of a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).split("\n")


class NotebookError(UserError, Exception):
    """A notebook or request cannot be used. ``problems`` says why."""

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


#: All kinds of problems by code. A code never changes its meaning. 1xx: the file and its cells; 2xx: marks; 3xx: names and
#: values between steps; 4xx: the graph; 5xx: parameters and requests; 6xx: pipeline cells; 7xx: clusters.
KINDS: dict[str, Kind] = {
    "KF101": Kind(
        ERROR,
        "not-a-notebook",
        "The file cannot be read as a notebook: it is missing, empty, not valid JSON, or of another type.",
    ),
    "KF102": Kind(
        WARNING,
        "broken-field",
        "A field of the notebook is missing or has the wrong type. kfnb continues with a repaired copy and does not change the file.",
    ),
    "KF103": Kind(
        WARNING,
        "other-language",
        "A cell, or the whole notebook, is in a language other than Python. kfnb leaves such cells out of the pipeline.",
    ),
    "KF104": Kind(ERROR, "syntax-error", "A cell is not valid Python, IPython's additions included."),
    "KF105": Kind(
        WARNING,
        "unsupported-magic",
        "A cell uses a magic that kfnb does not know. It probably comes with an extension of IPython.",
    ),
    "KF106": Kind(ERROR, "old-python", "A cell is written in Python 2."),
    "KF107": Kind(ERROR, "nothing-to-run", "The notebook has no step, and no code that could become one."),
    "KF108": Kind(
        ERROR,
        "refused-magic",
        "A cell uses a magic that cannot work inside a step. The message says what to write instead.",
    ),
    "KF109": Kind(
        INFO,
        "left-out-magic",
        "A cell uses a magic that only helps a person at a keyboard. It does nothing inside a step.",
    ),
    "KF110": Kind(
        WARNING,
        "unread-program",
        "`%run` runs a file that kfnb cannot read before the run. Other steps cannot use the names that it defines.",
    ),
    "KF111": Kind(
        ERROR,
        "display-not-kept",
        "A step reads `_`, `Out[n]` or `In[n]` of a cell of another step, and that value cannot be passed between steps.",
    ),
    "KF114": Kind(INFO, "one-cell", "A script has no cells, so the whole script is one step."),
    "KF115": Kind(ERROR, "no-reader", "The library that reads this notebook format is not installed."),
    "KF113": Kind(ERROR, "too-deep", "The notebook, a cell or a mark is nested more deeply than Python can parse."),
    "KF201": Kind(ERROR, "bad-mark", "The value of a mark cannot be parsed."),
    "KF202": Kind(WARNING, "near-miss-mark", "A tag or magic looks like a misspelt mark. It has no effect as it is."),
    "KF203": Kind(ERROR, "contradicting-marks", "Two marks of one step or cell contradict each other."),
    "KF204": Kind(
        ERROR,
        "bad-name",
        "The name of a step or output is empty, too long, or contains characters that the engines do not accept.",
    ),
    "KF205": Kind(ERROR, "duplicate-name", "Two things that must have different names have the same name."),
    "KF206": Kind(ERROR, "bad-option", "The line of a magic has an unknown option, an extra word or a missing value."),
    "KF207": Kind(WARNING, "ignored-mark", "A mark has no effect in this place."),
    "KF208": Kind(
        ERROR,
        "parameter-in-mark",
        "A mark contains a name in braces that cannot be replaced: it is not a parameter, or its value has no plain text form.",
    ),
    "KF209": Kind(
        WARNING,
        "parameter-not-followed",
        "A mark contains the name of a parameter, but does not follow the parameter's value, or follows it only once.",
    ),
    "KF301": Kind(ERROR, "unknown-name", "A step reads a name that no earlier cell defines."),
    "KF302": Kind(ERROR, "unmarked-writer", "A step reads a name that only an unmarked or skipped cell defines."),
    "KF303": Kind(ERROR, "deleted-name", "A step reads a name that an earlier step has deleted."),
    "KF304": Kind(
        ERROR,
        "changed-in-loop",
        "A step in a loop changes an object that was created outside the loop. Iterations run in parallel, so the changes have no order.",
    ),
    "KF305": Kind(
        WARNING,
        "opaque-code",
        "A step uses `exec`, `eval` or similar code, so kfnb cannot see which names it reads. The step receives all earlier values.",
    ),
    "KF306": Kind(
        INFO,
        "steps-in-a-row",
        "Steps cannot run in parallel, because they change the same object or draw from the same seeded random generator.",
    ),
    "KF307": Kind(
        ERROR,
        "exit-reads-value",
        "The exit handler reads a value of a step. If that step fails, the value does not exist.",
    ),
    "KF308": Kind(
        WARNING,
        "previous-output",
        "`_` or `Out[n]` reads the output of a cell, which depends on the order in which a person runs the cells.",
    ),
    "KF309": Kind(
        ERROR,
        "split-step",
        "The cells of one step lie before and after another step, and the two steps need values of each other.",
    ),
    "KF310": Kind(
        WARNING,
        "lost-setting",
        "A cell changes something inside a library. Later steps could see the change, but it can be neither repeated nor passed to them.",
    ),
    "KF311": Kind(
        WARNING,
        "emptied-log",
        "Shared code opens a log file for writing. Each step that runs this code empties the file.",
    ),
    "KF312": Kind(
        WARNING,
        "lost-cache",
        "A step depends on the cache of an `lru_cache` function, which does not pass from step to step.",
    ),
    "KF313": Kind(
        WARNING,
        "state-in-loop",
        "A step in a loop uses a function or class that keeps state. Each iteration changes its own copy of that state.",
    ),
    "KF314": Kind(
        ERROR,
        "lost-change",
        "A later step needs something that a cell changes inside a library, and the change can be neither repeated nor passed to that step.",
    ),
    "KF315": Kind(
        WARNING,
        "unknown-file",
        "Two steps that can run in parallel may use the same file, whose path is known only during the run.",
    ),
    "KF316": Kind(
        ERROR,
        "file-missed",
        "A step uses a file that an earlier step writes. Where the step runs, the file is missing, and the step would continue without it.",
    ),
    "KF317": Kind(
        ERROR,
        "hooked-object",
        "A cell registers an object with a library, and later steps would write to it. A step that reads the object has only its own copy.",
    ),
    "KF318": Kind(
        ERROR,
        "draw-outside",
        "A cell outside the pipeline draws from a seeded random generator, so later steps would draw other numbers than in the notebook.",
    ),
    "KF319": Kind(
        ERROR,
        "widget-passed",
        "A step uses a widget that another step creates. Only the value of a widget can be passed between steps.",
    ),
    "KF320": Kind(
        ERROR,
        "half-character",
        "A text contains half of a surrogate pair in a place where only whole characters are allowed.",
    ),
    "KF401": Kind(ERROR, "unknown-step", "An `after` mark names a step that does not exist."),
    "KF402": Kind(
        ERROR, "cycle", "The steps wait for each other in a circle, because of their values or their `after` marks."
    ),
    "KF403": Kind(ERROR, "several-exit-handlers", "The pipeline has more than one exit handler."),
    "KF404": Kind(ERROR, "bad-condition", "A condition cannot be parsed."),
    "KF405": Kind(ERROR, "bad-loop", "The items of a loop cannot be parsed."),
    "KF406": Kind(ERROR, "after-exit", "A step waits for the exit handler, which runs only after all steps."),
    "KF407": Kind(
        ERROR,
        "unknown-pipeline",
        "The notebook has no pipeline of this name, or has several pipelines and none was selected.",
    ),
    "KF501": Kind(ERROR, "unknown-parameter", "The run sets a parameter that the pipeline does not have."),
    "KF502": Kind(
        ERROR, "bad-parameter-value", "The value of a parameter cannot be converted to the parameter's type."
    ),
    "KF503": Kind(
        WARNING,
        "not-a-parameter",
        "A statement in the parameters cell is not an assignment of a literal. It becomes shared code instead of a parameter.",
    ),
    "KF504": Kind(ERROR, "run-in-step", "A step starts a run. That run would end together with the step."),
    "KF505": Kind(ERROR, "too-many-runs", "A sweep has more combinations than its maximum number of runs."),
    "KF506": Kind(ERROR, "unknown-metric", "A sweep should be ranked by a metric that the pipeline does not record."),
    "KF507": Kind(WARNING, "shared-files", "Several runs of a sweep write to the same files."),
    "KF508": Kind(WARNING, "no-metrics", "A sweep has nothing to compare, because the pipeline records no metric."),
    "KF509": Kind(
        ERROR,
        "value-not-allowed",
        "The value of a parameter is not one of the allowed choices, or is outside the limits.",
    ),
    "KF510": Kind(
        ERROR,
        "bad-default",
        "The default of a parameter is not one of the declared choices, or is outside the declared limits.",
    ),
    "KF511": Kind(WARNING, "other-default", "The default of a parameter has another type than the declared one."),
    "KF512": Kind(
        ERROR,
        "other-parameters",
        "A partial run would reuse values that an earlier run computed with other parameters.",
    ),
    "KF513": Kind(
        WARNING,
        "other-parameters-taken",
        "A partial run reuses values that an earlier run computed with other parameters.",
    ),
    "KF514": Kind(
        ERROR,
        "bad-package-source",
        "A package source contains a password, does not exist, or cannot be sent with the step.",
    ),
    "KF601": Kind(
        ERROR,
        "not-a-graph",
        "A pipeline cell contains Python that has no equivalent in a graph. The message says what to write instead.",
    ),
    "KF602": Kind(ERROR, "no-component", "A statement of a pipeline cell calls something that is not a component."),
    "KF603": Kind(ERROR, "bad-component", "The definition of a component cannot be parsed."),
    "KF604": Kind(ERROR, "bad-call", "A component is called with arguments that it does not accept."),
    "KF605": Kind(
        ERROR,
        "carried-value",
        "A value would pass from one iteration of a loop to the next, but iterations run in parallel.",
    ),
    "KF606": Kind(
        ERROR, "changed-output", "A pipeline cell changes an object in place, but each step works on its own copy."
    ),
    "KF607": Kind(
        WARNING,
        "maybe-unbound",
        "A name is assigned in only one branch of a condition. If the other branch runs, the steps that read the name are skipped.",
    ),
    "KF608": Kind(
        WARNING, "type-mismatch", "The type of an argument differs from the type that the component declares."
    ),
    "KF609": Kind(ERROR, "two-meanings", "A name of the pipeline cell is also a global name that a component reads."),
    "KF610": Kind(
        WARNING,
        "differs-from-plain",
        "A pipeline cell that runs as plain Python would give other values than its steps.",
    ),
    "KF701": Kind(ERROR, "old-image", "The image of a step contains a version of Python on which steps cannot run."),
    "KF702": Kind(ERROR, "too-large", "The compiled pipeline is larger than the cluster accepts."),
    "KF703": Kind(
        ERROR,
        "template-text",
        "A command gets a text that Kubeflow Pipelines would interpret as a template of its own.",
    ),
    "KF704": Kind(ERROR, "not-on-this-engine", "The engine does not support something that a step requires."),
    "KF705": Kind(WARNING, "other-python", "The image of a step contains another version of Python than the notebook."),
    "KF706": Kind(WARNING, "file-not-there", "A step opens a file that will not exist where the step runs."),
    "KF707": Kind(ERROR, "unfit-python", "The Python interpreter that should run the steps cannot run them."),
    "KF708": Kind(
        WARNING, "other-kernel", "The steps run with another Python interpreter than the kernel of the notebook."
    ),
    "KF709": Kind(ERROR, "untrusted-target", "The target is defined in a file that the user has not trusted."),
    "KF710": Kind(
        WARNING, "untrusted-settings", "A file that the user has not trusted contains settings, which kfnb ignores."
    ),
    "KF711": Kind(
        WARNING, "private-file", "A step needs a file that is private to this machine, so kfnb does not send it."
    ),
    "KF712": Kind(ERROR, "bad-file-mark", "A mark names a file that cannot be sent with a step."),
    "KF713": Kind(
        WARNING,
        "pod-timeout",
        "The timeout of a command also counts the start of its pod, because its image may have no shell.",
    ),
    "KF714": Kind(WARNING, "needs-python", "A script or command needs Python in its image, which may have none."),
    "KF718": Kind(ERROR, "apart", "Steps that a mark puts into one pod cannot share it."),
    "KF720": Kind(
        ERROR, "over-policy", "A step asks for more than the target allows, or for something that it forbids."
    ),
    "KF730": Kind(WARNING, "package-left-out", "A step imports a module that it cannot install on a cluster."),
    "KF731": Kind(WARNING, "stale-lock", "The lock beside the notebook does not fit a step any more."),
    "KF732": Kind(
        WARNING, "other-version", "A file of the project allows another version than the notebook's environment has."
    ),
    "KF733": Kind(
        WARNING, "system-packages", "A step needs packages of the system, and its image is not built with them."
    ),
    "KF740": Kind(ERROR, "no-container", "Steps cannot run in containers on this machine."),
    "KF741": Kind(WARNING, "no-gpu-here", "A step asks for a GPU that this machine cannot give its container."),
    "KF742": Kind(WARNING, "no-limit-here", "Nothing on this machine keeps a step to its marks `cpu` or `memory`."),
}
