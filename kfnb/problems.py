"""Problems: what is wrong with a notebook or a request, where, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

DOCUMENTATION = "https://kfnb.readthedocs.io/en/stable/"  #: where the site of `mkdocs.yml` stands

ERROR = "error"
WARNING = "warning"
INFO = "info"


@dataclass(frozen=True)
class Problem:
    """One finding, for a person and for a program.

    Parameters
    ----------
    code
        Stable code from `kfnb.problems.KINDS`, such as ``"KF101"``.
    message
        What happened, in the user's own words and names. One sentence, no trailing full stop.
    hint
        The way out. Empty when the message already says it.
    cell
        Number of the code cell, counted from 1 over the code cells only: what ``In [n]`` shows after *Run All*.
    cell_id
        The cell's nbformat id, when it has one.
    line
        Line in the cell as the user sees it, from 1.
    name
        The variable, step, tag or option concerned.
    marks
        Tags for the cell each of which settles it, the likeliest first: what a front end can offer as a click.
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
        return {**asdict(self), "severity": self.severity, "kind": KINDS[self.code].slug}

    @property
    def page(self) -> str:
        """The address of the code's page, which has an example and its correction."""
        return f"{DOCUMENTATION}reference/problems/{self.code}/"

    def where(self) -> str:
        """``"cell 7:3: "``, or as much of it as is known."""
        if self.cell is None:
            return ""
        return f"cell {self.cell}:{self.line}: " if self.line is not None else f"cell {self.cell}: "

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.where()}{self.severity} {self.code}: {self.message}{hint}"


def located(problem: Problem) -> str:
    """A problem of a text file, whose lines are the file's: ``"37: cell 7: error KF301: …"``."""
    if problem.cell is None or problem.line is None:
        return f"{problem.line}: {problem}" if problem.line is not None else str(problem)
    return f"{problem.line}: cell {problem.cell}: {replace(problem, cell=None)}"


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its code's severity, short name and documentation."""

    severity: str
    slug: str
    doc: str


def errors(problems: tuple[Problem, ...] | list[Problem]) -> list[Problem]:
    """The problems that stop a run."""
    return [p for p in problems if p.severity == ERROR]


class UserError:
    """What a user can mend: IPython shows its words in the place of a traceback. Beside an `Exception`."""

    def _render_traceback_(self) -> list[str]:
        return str(self).split("\n")


class NotebookError(UserError, Exception):
    """A notebook or request cannot be used; carries the problems that say why."""

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


#: Every kind of problem. Codes never change their meaning: 1xx the file and its cells, 2xx marks,
#: 3xx names and values between steps, 4xx the graph, 5xx parameters and requests, 6xx pipeline cells, 7xx clusters.
KINDS: dict[str, Kind] = {
    "KF101": Kind(ERROR, "not-a-notebook", "The file is not JSON, is empty, or is not a notebook."),
    "KF102": Kind(
        WARNING,
        "broken-field",
        "A field of the notebook is missing or has the wrong type; it was repaired while reading, the file was left alone.",
    ),
    "KF103": Kind(WARNING, "other-language", "A cell is in another language than Python and is left alone."),
    "KF104": Kind(ERROR, "syntax-error", "A cell is not valid Python (with IPython's additions)."),
    "KF105": Kind(
        WARNING, "unsupported-magic", "A magic that kfnb does not know; it comes with an extension of IPython."
    ),
    "KF106": Kind(ERROR, "old-python", "A cell is Python 2."),
    "KF107": Kind(ERROR, "nothing-to-run", "The notebook has no step and no code to make one from."),
    "KF108": Kind(ERROR, "refused-magic", "A magic that a step cannot do; it says what to write instead."),
    "KF109": Kind(INFO, "left-out-magic", "A magic for a person at a keyboard, which does nothing in a step."),
    "KF110": Kind(
        WARNING,
        "unread-program",
        "`%run` runs a file that cannot be read before the run; other steps cannot get its names.",
    ),
    "KF111": Kind(
        ERROR, "display-not-kept", "`_`, `Out[n]` or `In[n]` of another step's cell reads what cannot be handed on."
    ),
    "KF114": Kind(INFO, "one-cell", "A script without cells: all of it is one step."),
    "KF115": Kind(ERROR, "no-reader", "The library that reads this form of notebook is not installed."),
    "KF113": Kind(ERROR, "too-deep", "The notebook, a cell or a mark is nested deeper than can be read."),
    "KF201": Kind(ERROR, "bad-mark", "A mark of kfnb's has a value that cannot be read."),
    "KF202": Kind(WARNING, "near-miss-mark", "A tag looks like a mark, misspelt."),
    "KF203": Kind(ERROR, "contradicting-marks", "Two marks of one step say different things."),
    "KF204": Kind(
        ERROR, "bad-name", "A name of a step or output is empty, too long, or has characters that engines refuse."
    ),
    "KF205": Kind(ERROR, "duplicate-name", "Two things that must differ have the same name."),
    "KF206": Kind(ERROR, "bad-option", "The line of a magic has an unknown option or a missing value."),
    "KF207": Kind(WARNING, "ignored-mark", "A mark that has no effect here."),
    "KF208": Kind(
        ERROR,
        "parameter-in-mark",
        "A mark has a name in it that cannot be put in: it is no parameter, or has no usual text.",
    ),
    "KF209": Kind(
        WARNING, "parameter-not-followed", "A mark has a parameter's name that is not, or only once, its value."
    ),
    "KF301": Kind(ERROR, "unknown-name", "A step reads a name that nothing before it writes."),
    "KF302": Kind(ERROR, "unmarked-writer", "A step reads a name that only an unmarked or skipped cell writes."),
    "KF303": Kind(ERROR, "deleted-name", "A step reads a name that an earlier step deleted."),
    "KF304": Kind(
        ERROR, "changed-in-loop", "A looping step changes an object from outside the loop, where no order exists."
    ),
    "KF305": Kind(
        WARNING, "opaque-code", "exec, eval or the like: the names used cannot be seen, so all earlier ones are passed."
    ),
    "KF306": Kind(
        INFO,
        "steps-in-a-row",
        "Steps run one after the other because they change one object or draw from one seeded generator.",
    ),
    "KF307": Kind(
        ERROR, "exit-reads-value", "The exit handler reads a value of a step, which may not exist when it runs."
    ),
    "KF308": Kind(
        WARNING,
        "previous-output",
        "`_` or `Out[n]` reads the display of a cell, which depends on the order of running.",
    ),
    "KF309": Kind(ERROR, "split-step", "The cells of one step stand around another step and the two need each other."),
    "KF310": Kind(
        WARNING,
        "lost-setting",
        "A cell changes something in a library that later steps can see and that can be neither run again nor handed on.",
    ),
    "KF311": Kind(WARNING, "emptied-log", "Shared code opens a log file anew in every step, which empties it."),
    "KF312": Kind(
        WARNING,
        "lost-cache",
        "A step asks what `lru_cache` remembers, or would call again what it does not know to be remembered.",
    ),
    "KF313": Kind(
        WARNING,
        "state-in-loop",
        "A looping step uses a function or class that keeps state; each iteration changes a copy of its own.",
    ),
    "KF314": Kind(
        ERROR,
        "lost-change",
        "A later step uses what a cell changes in a library, and the change can be neither run again nor handed on.",
    ),
    "KF315": Kind(
        WARNING,
        "unknown-file",
        "Two steps that may run side by side may use one file, by a path that only the run knows.",
    ),
    "KF316": Kind(
        ERROR,
        "file-missed",
        "A step uses a file that an earlier step writes, would not have it where it runs, and would go on without.",
    ),
    "KF317": Kind(
        ERROR,
        "hooked-object",
        "A cell leaves an object with a library, to which later steps would write; a step that reads it has one of its own.",
    ),
    "KF318": Kind(
        ERROR,
        "draw-outside",
        "A cell outside the pipeline draws from a seeded generator; later steps would get other numbers.",
    ),
    "KF319": Kind(
        ERROR, "widget-passed", "A step uses a widget that another step makes; only its value can be passed on."
    ),
    "KF320": Kind(
        ERROR, "half-character", "A text holds half of a surrogate pair, where only whole characters can be."
    ),
    "KF401": Kind(ERROR, "unknown-step", "An order mark names a step that does not exist."),
    "KF402": Kind(ERROR, "cycle", "The order marks and the data make a circle."),
    "KF403": Kind(ERROR, "several-exit-handlers", "A pipeline has one exit handler."),
    "KF404": Kind(ERROR, "bad-condition", "A condition cannot be read."),
    "KF405": Kind(ERROR, "bad-loop", "A loop's items cannot be read."),
    "KF406": Kind(ERROR, "after-exit", "A step cannot wait for the exit handler."),
    "KF407": Kind(
        ERROR, "unknown-pipeline", "The notebook has no pipeline of this name, or several and none was chosen."
    ),
    "KF408": Kind(
        WARNING, "not-forgiven", "A step may fail, and on a cluster some failures of it fail the run all the same."
    ),
    "KF501": Kind(ERROR, "unknown-parameter", "A parameter is given that the pipeline does not have."),
    "KF502": Kind(ERROR, "bad-parameter-value", "A parameter's value cannot be converted to its type."),
    "KF503": Kind(
        WARNING,
        "not-a-parameter",
        "A statement in the parameters cell is not a literal assignment; it is shared code instead.",
    ),
    "KF504": Kind(ERROR, "run-in-step", "A step begins a run, which would end with the step."),
    "KF505": Kind(ERROR, "too-many-runs", "A sweep has more combinations than it may have runs."),
    "KF506": Kind(ERROR, "unknown-metric", "A sweep is to be judged by a metric that the pipeline does not record."),
    "KF507": Kind(WARNING, "shared-files", "Runs of a sweep write over each other's files."),
    "KF508": Kind(WARNING, "no-metrics", "A sweep of a pipeline that records no metric has nothing to compare."),
    "KF509": Kind(ERROR, "value-not-allowed", "A parameter's value is none of its choices, or outside its limits."),
    "KF510": Kind(
        ERROR, "bad-default", "A parameter's default is none of its declared choices, or outside its limits."
    ),
    "KF511": Kind(WARNING, "other-default", "A parameter's default is of another type than is declared."),
    "KF512": Kind(ERROR, "other-parameters", "A run of a part would take values that were made with other parameters."),
    "KF513": Kind(
        WARNING, "other-parameters-taken", "A run of a part takes values that were made with other parameters."
    ),
    "KF514": Kind(
        ERROR, "bad-package-source", "A package's source has a password in it, is not there, or cannot be sent along."
    ),
    "KF601": Kind(
        ERROR, "not-a-graph", "A construct of a pipeline cell that no graph can express; it says what to write instead."
    ),
    "KF602": Kind(ERROR, "no-component", "A call that stands alone in a pipeline cell is not a call of a component."),
    "KF603": Kind(ERROR, "bad-component", "A component's definition cannot be read."),
    "KF604": Kind(ERROR, "bad-call", "A component is called with arguments that it does not take."),
    "KF605": Kind(
        ERROR,
        "carried-value",
        "A value would pass from one iteration of a loop to the next; iterations run side by side.",
    ),
    "KF606": Kind(
        ERROR, "changed-output", "A pipeline cell changes an object in place; each step works on its own copy."
    ),
    "KF607": Kind(
        WARNING, "maybe-unbound", "A name is bound in one branch only; whoever reads it after is skipped otherwise."
    ),
    "KF608": Kind(WARNING, "type-mismatch", "An argument's type is not the one that the component declares."),
    "KF609": Kind(ERROR, "two-meanings", "A name of the pipeline cell is also a global name that a component reads."),
    "KF610": Kind(
        WARNING, "differs-from-plain", "A pipeline cell run as plain Python would give other values than its steps."
    ),
    "KF701": Kind(ERROR, "old-image", "A step's image has a Python that steps cannot run on."),
    "KF702": Kind(ERROR, "too-large", "The compiled pipeline is larger than a cluster takes."),
    "KF703": Kind(ERROR, "template-text", "A script or command has signs that the engine reads as its own."),
    "KF704": Kind(ERROR, "not-on-this-engine", "The engine cannot do what a step asks for."),
    "KF705": Kind(WARNING, "other-python", "A step's image has another version of Python than the notebook."),
    "KF706": Kind(WARNING, "file-not-there", "A step opens a file that will not be where it runs."),
    "KF707": Kind(ERROR, "unfit-python", "The interpreter that steps should run with cannot run them."),
    "KF708": Kind(WARNING, "other-kernel", "Steps run with another interpreter than the notebook's kernel."),
    "KF709": Kind(ERROR, "untrusted-target", "A target stands in a file that the user has not trusted."),
    "KF710": Kind(WARNING, "untrusted-settings", "Settings of a file that the user has not trusted do not count."),
    "KF711": Kind(WARNING, "private-file", "A file that a step needs is private to this machine and does not travel."),
    "KF712": Kind(ERROR, "bad-file-mark", "A mark names a file that cannot travel with a step."),
}
