"""The name of a step from the code of its cell. The browser suggests names by the same rules (``suggested-name.ts``)."""

from __future__ import annotations

import builtins
import keyword
import re

COMMENT = re.compile(r"^\s*#+(?!\s*%)\s*(.+)")
TEXTS = re.compile(r"#[^\n]*|\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|\"[^\"\n]*\"|'[^'\n]*'")
DEFINITION = re.compile(r"\b(?:def|class)\s+\w+|^[%!@][^\n]*", re.MULTILINE)
CALL = re.compile(r"(\.?)\b([A-Za-z_]\w*)\s*\(")
KEYWORDS = frozenset(keyword.kwlist)
ASSIGNED = re.compile(r"^([a-z][a-z0-9_]*)\s*=[^=]", re.MULTILINE | re.IGNORECASE)
MAX_WORDS = 4  #: of a comment that is a name
#: What well-known calls do.
VERBS = (
    ("load", re.compile(r"(read|load|fetch)(_\w+)?|open_dataset|urlretrieve|urlopen")),
    ("split", re.compile(r"train_test_split|random_split|split")),
    ("train", re.compile(r"fit|fit_transform|train")),
    ("predict", re.compile(r"predict(_\w+)?|transform")),
    ("evaluate", re.compile(r"evaluate|score|\w+_score|\w+_error|classification_report|confusion_matrix|cross_val_score")),
    ("plot", re.compile(r"plot|subplots|figure|scatter|hist|bar|imshow|show|savefig|\w+plot")),
    ("clean", re.compile(r"dropna|fillna|drop_duplicates|astype|replace")),
    ("join", re.compile(r"merge|concat|join")),
    ("summarize", re.compile(r"groupby|agg|describe|value_counts|pivot_table")),
    ("save", re.compile(r"to_(csv|parquet|json|excel|sql|pickle)|dump|save(_\w+)?|write_\w+")),
)  # fmt: skip
SHOWS = ("print", "display")


def suggested_name(source: str) -> str:
    """A name for the step of a cell; empty if its code suggests none.

    It is the cell's first comment if that is short, else what a well-known call does (``pd.read_csv`` loads), else the
    function that the cell calls, else the first variable that it assigns, else ``show`` for a cell that only shows something.
    """
    comment = COMMENT.match(source)
    words = re.findall(r"[a-z][a-z0-9]*", comment[1].lower()) if comment else []
    if 0 < len(words) <= MAX_WORDS:
        return "-".join(words)
    code = DEFINITION.sub("", TEXTS.sub("''", source))
    calls = [(bool(dot), name) for dot, name in CALL.findall(code) if name not in KEYWORDS]
    for _, name in calls:
        for verb, pattern in VERBS:
            if pattern.fullmatch(name):
                return verb
    for is_method, name in calls:
        if not is_method and name.islower() and not hasattr(builtins, name) and name not in SHOWS:
            return _dashed(name)
    assigned = ASSIGNED.search(code)
    if assigned:
        return _dashed(assigned[1])
    return "show" if any(name in SHOWS for _, name in calls) else ""


def _dashed(name: str) -> str:
    return name.lower().strip("_").replace("_", "-")
