"""The line magics that a step runs without IPython."""

from __future__ import annotations

import os
import sys

from kfnb.runtime.magics.ipython_types import UsageError, unknown_magic
from kfnb.runtime.magics.magic_table import INSTALLED, PERSON, REFUSED, WAY_OUT, kind_of
from kfnb.runtime.magics.variable_expansion import expand

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

    from kfnb.runtime.magics.shell_protocols import ShellProtocol

#: Shell commands that IPython offers as magics. ``%l`` is replaced by the rest of the line.
ALIASES = {
    "cat": "cat", "cp": "cp", "ldir": "ls -F -o --color=never %l | grep /$", "less": "cat", "lf": "ls -F -o --color=never %l | grep ^-",
    "lk": "ls -F -o --color=never %l | grep ^l", "ll": "ls -F -o --color=never", "ls": "ls -F --color=never",
    "lx": "ls -F -o --color=never %l | grep ^-..x", "man": "man -P cat", "mkdir": "mkdir", "more": "cat", "mv": "mv",
    "rm": "rm", "rmdir": "rmdir",
}  # fmt: skip


def run(shell: ShellProtocol, name: str, line: str, names: dict[str, Any]) -> Any:
    """Run one line magic. ``names`` are the names that the caller sees."""
    if name in RAW:
        return RAW[name](shell, line, names)
    line = expand(line, names).strip()
    if name in shell.aliases or name in ALIASES:
        return _alias(shell, shell.aliases.get(name) or ALIASES[name], line)
    if name in MAGICS:
        return MAGICS[name](shell, line)
    kind = kind_of(name, False)
    if name == "pip" and line.partition(" ")[0] not in ("install", "uninstall", "download", ""):
        return _alias(shell, "%s -m pip" % sys.executable, line)
    if kind == INSTALLED:
        print("%%%s %s: not run; the packages that a step needs are installed before it starts" % (name, line))
        return None
    if kind == PERSON:
        print("%%%s: left out, since it is for a person at a keyboard" % name)
        return None
    if kind == REFUSED:
        raise UsageError("%%%s cannot be done in a step: %s" % (name, WAY_OUT[name]))
    if kind is not None:
        return None
    function = names.get(name)
    if callable(function):
        return function(line)  # the notebook's own, registered where it was defined
    raise unknown_magic("%" + name)


# -------------------------------------------------------------------- commands
def _alias(shell: ShellProtocol, command: str, line: str) -> None:
    from kfnb.runtime.magics.shell_commands import run_command

    if "%l" in command:
        command = command.replace("%l", line)
    elif "%s" in command:
        count, words = command.count("%s"), line.split()
        if len(words) < count:
            raise UsageError("Alias requires %d arguments, %d given" % (count, len(words)))
        command = " ".join([command % tuple(words[:count]), *words[count:]])
    else:
        command = "%s %s" % (command, line)
    shell.user_ns["_exit_code"] = run_command(command)


def _define_alias(shell: ShellProtocol, line: str) -> Any:
    name, _, command = line.partition(" ")
    if not name:
        return sorted({**ALIASES, **shell.aliases}.items())
    if not command:
        raise UsageError("%alias needs a name and a command")
    shell.aliases[name] = command
    return None


def _alias_magic(shell: ShellProtocol, line: str) -> None:
    words = line.split()
    parameters = ""
    for option in ("-p", "--params"):
        if option in words:
            at = words.index(option)
            parameters = words[at + 1].strip("'\"")
            del words[at : at + 2]
    kinds = [k for k, o in (("line", ("-l", "--line")), ("cell", ("-c", "--cell"))) if set(o) & set(words)]
    name, target = [w.lstrip("%") for w in words if not w.startswith("-")][:2]
    for kind in kinds or ("line", "cell"):
        shell.magics_manager.register_alias(name, target, kind, parameters)


def _capture_command(shell: ShellProtocol, line: str) -> Any:
    """``%sc [-l] [-v] name=command``, the older form of ``name = !command``."""
    from kfnb.runtime.magics.magic_options import options_of

    options, rest = options_of(line, "lv")
    name, _, command = rest.partition("=")
    from kfnb.runtime.magics.shell_commands import output_lines

    lines = output_lines(command.strip())
    value = lines if "l" in options else lines.n
    if name.strip():
        shell.user_ns[name.strip()] = value
        return None
    return value


def _output(shell: ShellProtocol, line: str) -> Any:
    from kfnb.runtime.magics.shell_commands import output_lines

    return output_lines(line)


# -------------------------------------------------------------------- folders and environment
def _cd(shell: ShellProtocol, line: str) -> None:
    words = line.split(None, 1)
    quiet = "-q" in words[:1]
    target = (words[1:] or [""])[0] if quiet else line
    if target.startswith("-b"):
        raise UsageError("%cd -b: a step has no bookmarks; write the folder's path")
    visited = shell.user_ns.setdefault("_dh", [os.getcwd()])
    if target == "-":
        if len(visited) < 2:
            raise UsageError("%cd -: No previous directory to change to.")
        target = visited[-2]
    elif target[:1] == "-" and target[1:].isdigit():
        target = visited[int(target[1:])]
    os.chdir(os.path.expanduser(target.strip().strip("'\"") or "~"))
    here = os.getcwd()
    if visited[-1] != here:
        visited.append(here)
    if not quiet:
        print(here)


def _pushd(shell: ShellProtocol, line: str) -> Any:
    shell.folders.insert(0, os.getcwd())
    _cd(shell, line)
    return _dirs(shell, "")


def _popd(shell: ShellProtocol, line: str) -> None:
    if not shell.folders:
        raise UsageError("%popd on empty stack")
    _cd(shell, shell.folders.pop(0))


def _dirs(shell: ShellProtocol, line: str) -> list[str]:
    home = os.path.expanduser("~")
    return [f.replace(home, "~", 1) if f.startswith(home) else f for f in shell.folders]


def _env(shell: ShellProtocol, line: str) -> Any:
    """``%env``, ``%env NAME``, ``%env NAME=value`` and ``%env NAME value``."""
    if not line:
        return dict(os.environ)
    name, sign, value = line.partition("=" if "=" in line else " ")
    if not sign:
        if name not in os.environ:
            raise UsageError("Environment does not have key: %s" % name)
        return os.environ[name]
    name, value = name.strip(), value.strip()
    if any(c.isspace() for c in name):
        raise UsageError("refusing to set env var with whitespace: '%s'" % name)
    os.environ[name] = value
    print("env: %s=%s" % (name, value))
    return None


# -------------------------------------------------------------------- extensions and settings
def _load_extension(shell: ShellProtocol, line: str) -> None:
    for name in line.split():
        if shell.extension_manager.load_extension(name) == "no load function":
            print("The %s module is not an IPython extension." % name)


def _reload_extension(shell: ShellProtocol, line: str) -> None:
    for name in line.split():
        shell.extension_manager.reload_extension(name)


def _unload_extension(shell: ShellProtocol, line: str) -> None:
    for name in line.split():
        shell.extension_manager.unload_extension(name)


def _config(shell: ShellProtocol, line: str) -> Any:
    """``%config Class.setting = value`` for classes of extensions. Classes of a kernel are ignored."""
    path, sign, text = line.partition("=")
    name, _, setting = path.strip().partition(".")
    found: dict[str, Any] = {
        type(c).__name__: c for c in shell.configurables + list(shell.magics_manager.registry.values())
    }
    found["PlainTextFormatter"] = shell.display_formatter.formatters["text/plain"]
    found["InteractiveShell"] = found["ZMQInteractiveShell"] = shell
    target = found.get(name)
    if target is None or not setting:
        return None
    if not sign:
        return getattr(target, setting.strip())
    try:
        value = eval(text.strip(), shell.user_ns)
    except Exception:  # a word without quotes is a text, as in IPython
        value = text.strip()
    setattr(target, setting.strip(), value)
    return None


def _precision(shell: ShellProtocol, line: str) -> str:
    formatter: Any = shell.display_formatter.formatters["text/plain"]
    formatter.float_precision = line
    return str(formatter.float_format)


def _pprint(shell: ShellProtocol, line: str) -> None:
    formatter: Any = shell.display_formatter.formatters["text/plain"]
    formatter.pprint = line.lower() not in ("off", "0", "false") if line else not formatter.pprint
    print("Pretty printing has been turned", "ON" if formatter.pprint else "OFF")


# -------------------------------------------------------------------- code
def _prun(shell: ShellProtocol, line: str, names: dict[str, Any]) -> Any:
    from kfnb.runtime.magics.magic_options import options_of
    from kfnb.runtime.magics.timing_magics import profiled

    _, statement = options_of(line, "D:l:rs:T:q")
    return profiled(lambda: exec(statement, shell.user_ns), line)


def _run(shell: ShellProtocol, line: str) -> Any:
    from kfnb.runtime.magics.run_magic import run_program

    return run_program(shell, line)


def _timeit(shell: ShellProtocol, line: str, names: dict[str, Any]) -> Any:
    from kfnb.runtime.magics.timing_magics import timeit

    return timeit(line, None, shell.user_ns, names)


# -------------------------------------------------------------------- names
def _who_ls(shell: ShellProtocol, line: str) -> list[str]:
    kinds = line.split()
    hidden = ("In", "Out", "exit", "quit", "get_ipython")
    return sorted(
        n for n, v in shell.user_ns.items()
        if not n.startswith("_") and n not in hidden and (not kinds or type(v).__name__ in kinds)
    )  # fmt: skip


def _who(shell: ShellProtocol, line: str) -> None:
    names = _who_ls(shell, line)
    if not names:
        print("No variables match your requested type." if line else "Interactive namespace is empty.")
        return
    for at in range(0, len(names), 11):
        print("\t ".join(names[at : at + 11]) + "\t ")


def _whos(shell: ShellProtocol, line: str) -> None:
    names = _who_ls(shell, line)
    if not names:
        _who(shell, line)
        return
    rows = [(n, type(shell.user_ns[n]).__name__, _summary_of(shell.user_ns[n])) for n in names]
    first = max(8, *(len(r[0]) for r in rows)) + 3
    second = max(4, *(len(r[1]) for r in rows)) + 4
    head = "%-*s%-*s%s" % (first, "Variable", second, "Type", "Data/Info")
    print(head + "\n" + "-" * len(head))
    for name, kind, summary in rows:
        print("%-*s%-*s%s" % (first, name, second, kind, summary))


def _summary_of(value: Any) -> str:
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        return "n=%d" % len(value)
    shape = getattr(value, "shape", None)
    if type(value).__name__ == "ndarray" and shape is not None:
        return "%s: %d elems, type `%s`, %d bytes" % ("x".join(map(str, shape)), value.size, value.dtype, value.nbytes)
    try:
        text = str(value).replace("\n", "\\n")
    except Exception as error:  # the user's own __str__ may raise anything
        return "<no text: %s>" % type(error).__name__
    return text if len(text) < 50 else text[:25] + "<...>" + text[-25:]


def _reset(shell: ShellProtocol, line: str) -> None:
    """``%reset -f``: delete the notebook's names. Arguments such as ``in`` and ``out`` have no effect."""
    words = line.split()
    if not {"-f", "-sf", "-fs"} & set(words):
        raise UsageError("%reset asks before it deletes, and nobody is there to answer: %reset -f")
    if [w for w in words if not w.startswith("-")]:
        return
    _delete(shell, lambda name: True)


def _reset_selective(shell: ShellProtocol, line: str) -> None:
    import re

    words = [w for w in line.split() if w != "-f"]
    _delete(shell, re.compile(words[0] if words else "").search)


def _delete(shell: ShellProtocol, chosen: Any) -> None:
    for name in _who_ls(shell, ""):
        if chosen(name):
            del shell.user_ns[name]


def _xdel(shell: ShellProtocol, line: str) -> None:
    del shell.user_ns[line.replace("-n", "").strip()]


# -------------------------------------------------------------------- help
def _object(shell: ShellProtocol, line: str) -> Any:
    try:
        return eval(line.rstrip("*").lstrip("%"), shell.user_ns)
    except Exception:  # a magic's name, or no object at all
        print("Object `%s` not found." % line)
        return None


def _documentation(shell: ShellProtocol, line: str) -> None:
    value = _object(shell, line)
    if value is not None:
        print(getattr(value, "__doc__", None) or repr(value))


def _source(shell: ShellProtocol, line: str) -> None:
    import inspect

    value = _object(shell, line)
    try:
        print(inspect.getsource(value) if value is not None else "", end="")
    except (OSError, TypeError):
        print("No source found for %s" % line)


def _show_file(shell: ShellProtocol, line: str) -> None:
    with open(os.path.expanduser(line), encoding="utf-8") as file:
        print(file.read())


def _search(shell: ShellProtocol, line: str) -> None:
    import fnmatch

    patterns = [w for w in line.split() if not w.startswith("-")]
    print("\n".join(n for n in sorted(shell.user_ns) if any(fnmatch.fnmatchcase(n, p) for p in patterns)))


def _show_traceback(shell: ShellProtocol, line: str) -> None:
    error = getattr(sys, "last_value", None)
    if error is not None:
        shell._session.report(error)


MAGICS: dict[str, Any] = {
    "alias": _define_alias, "alias_magic": _alias_magic, "cd": _cd, "config": _config,
    "dhist": lambda shell, line: print("\n".join(shell.user_ns.get("_dh", [os.getcwd()]))), "dirs": _dirs, "env": _env,
    "load_ext": _load_extension, "pdoc": _documentation, "pfile": _source, "pinfo": _documentation, "pinfo2": _source,
    "popd": _popd, "pprint": _pprint, "precision": _precision, "psearch": _search, "psource": _source, "pushd": _pushd,
    "pwd": lambda shell, line: os.getcwd(), "pycat": _show_file, "reload_ext": _reload_extension, "reset": _reset,
    "reset_selective": _reset_selective, "run": _run, "sc": _capture_command, "set_env": _env,
    "sx": _output, "system": _output,
    "tb": _show_traceback, "unalias": lambda shell, line: shell.aliases.pop(line, None) and None,
    "unload_ext": _unload_extension, "who": _who, "who_ls": _who_ls, "whos": _whos, "xdel": _xdel,
}  # fmt: skip
#: Magics whose line is not expanded, as in IPython.
RAW: dict[str, Any] = {
    "prun": _prun,
    "time": lambda shell, line, names: exec(line, shell.user_ns),
    "timeit": _timeit,
}
