"""The table of IPython's magics and how a step handles each, for the checks, the runtime and the documentation."""

from __future__ import annotations

DONE = "done"  #: the step runs it as a kernel does
SHOWS = "shows"  #: it only shows something, or only changes what is shown
INSTALLED = "installed"  #: left to what installs the step's packages
PERSON = "person"  #: for a person at a keyboard: nothing happens, and the log says so
REFUSED = "refused"  #: a pipeline cannot run it: kfnb refuses the notebook and names an alternative

#: What each kind means, for the docs.
MEANING = {
    DONE: "done, as in a kernel",
    SHOWS: "only shows something",
    INSTALLED: "not run: what a step needs is installed with it",
    PERSON: "for a person at a keyboard: left out, and the log says so",
    REFUSED: "refused before the run",
}

_LINE = {
    DONE: """
        alias alias_magic cat cd config cp dhist dirs env killbgscripts ldir lf lk ll load_ext ls lx mkdir mv popd pprint
        precision prun pushd pwd pylab reload_ext reset reset_selective rm rmdir run sc set_env sx system time timeit unalias
        unload_ext xdel
    """,
    SHOWS: """
        clear colors connect_info doctest_mode gui hist history less lsmagic magic man matplotlib more page pdef pdoc pfile
        pinfo pinfo2 psearch psource pycat quickref rehashx tb who who_ls whos xmode
    """,
    INSTALLED: "conda mamba micromamba pip uv",
    PERSON: """
        aimport autoawait autocall automagic autoreload autosave bookmark debug ed edit load loadpy logoff logon logstart
        logstate logstop notebook pastebin pdb qtconsole recall rep save subshell
    """,
    REFUSED: "code_wrap macro rerun store",
}
_CELL = {
    DONE: """
        ! bash capture file perl prun pypy python python2 python3 ruby script sh sx system time timeit writefile
    """,
    SHOWS: "HTML SVG html javascript js latex markdown svg",
    PERSON: "debug",
    REFUSED: "code_wrap",
}

LINE: dict[str, str] = {name: kind for kind, names in _LINE.items() for name in names.split()}
CELL: dict[str, str] = {name: kind for kind, names in _CELL.items() for name in names.split()}

#: The magics of kfnb, which have another meaning in a kernel.
OWN = frozenset("component functions imports metrics parameters pipeline skip".split())

#: Line magics that every later step runs again: they set something up and have no value.
SET_UP = frozenset(
    "alias alias_magic config env load_ext pprint precision reload_ext set_env unalias unload_ext".split()
)

#: Extensions that have no meaning without a person who edits: they are not loaded.
QUIET_EXTENSIONS = frozenset(("autoreload", "jupyter_black", "kfnb", "lab_black", "nb_black", "storemagic"))

#: Instead of a refused magic.
WAY_OUT = {
    "store": "values pass from step to step by their names; for another notebook write them to a file",
    "macro": "write a function",
    "rerun": "put the code into a function and call it twice",
    "code_wrap": "write the code around the cells into them, or a decorator",
}

#: What is to be known of some, for the docs.
NOTES = {
    "%alias": "in later steps too",
    "%config": "in later steps too; `InlineBackend` only changes pictures in a kernel and is left alone",
    "%load_ext": "in later steps too; the step needs the extension's package",
    "%matplotlib": "figures are shown where the cell ends",
    "%precision": "in later steps too",
    "%prun": "in a cell of its own as `%%prun`, too",
    "%pylab": "the names of numpy and pylab come in",
    "%reset": "with `-f`; without it a kernel would ask",
    "%run": "files and notebooks, with `-i -n -m -e -t -p -G` and arguments; the names come into the notebook, and the step runs after the one that writes the file",
    "%store": WAY_OUT["store"],
    "%macro": WAY_OUT["macro"],
    "%rerun": WAY_OUT["rerun"],
    "%code_wrap": WAY_OUT["code_wrap"],
    "%timeit": "with `-n -r -t -c -p -q -o -v`; what it binds is its own",
    "%who": "the names of this step: its own, and those that it was given",
    "%who_ls": "as `%who`",
    "%whos": "as `%who`",
    "%load": "in a kernel it only fills the cell; the notebook holds what it filled",
    "%%bash": "with arguments, `--out`, `--err`, `--bg`, `--proc`, `--no-raise-error`; so the other scripts",
    "%%capture": "with a name, `--no-stdout`, `--no-stderr`, `--no-display`",
    "%%debug": "the cell runs, without a debugger",
    "%%file": "the same as `%%writefile`",
    "%%writefile": "with `-a`",
}


def kind_of(name: str, cell: bool) -> str | None:
    """How a step handles a magic; ``None`` when it belongs to an extension or does not exist."""
    if name in OWN:
        return DONE
    return (CELL if cell else LINE).get(name)
