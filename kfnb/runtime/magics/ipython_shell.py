"""The shell that ``get_ipython()`` returns inside a step: it replaces a kernel's shell and needs no IPython."""

from __future__ import annotations

import sys

from kfnb.runtime.magics.variable_expansion import expand

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

    from kfnb.runtime.cells.mime_formatters import DisplayFormatter
    from kfnb.runtime.magics.shell_protocols import SessionProtocol


class Events:
    """Callbacks of libraries that run before and after cells."""

    def __init__(self) -> None:
        names = ("pre_execute", "pre_run_cell", "post_execute", "post_run_cell", "shell_initialized")
        self.callbacks: dict[str, list[Any]] = {name: [] for name in names}

    def register(self, event: str, function: Any) -> None:
        if not callable(function):
            raise TypeError("Need a callable, got %r" % (function,))
        if function not in self.callbacks.setdefault(event, []):
            self.callbacks[event].append(function)

    def unregister(self, event: str, function: Any) -> None:
        if function not in self.callbacks.get(event, ()):
            raise ValueError("Function %r is not registered as a %s callback" % (function, event))
        self.callbacks[event].remove(function)

    def trigger(self, event: str, *args: Any, **keywords: Any) -> None:
        """Call the callbacks of an event. A callback that fails is reported and the cell continues."""
        for function in list(self.callbacks.get(event, ())):
            try:
                function(*args, **keywords)
            except TypeError:  # the older form, which takes nothing
                self._quietly(event, function)
            except Exception as error:
                print("Error in callback %r (for %s): %s" % (function, event, error))

    def _quietly(self, event: str, function: Any) -> None:
        try:
            function()
        except Exception as error:
            print("Error in callback %r (for %s): %s" % (function, event, error))


class Shell:
    """The part of IPython's shell that notebooks and libraries use. Any other attribute raises `AttributeError`."""

    colors = "nocolor"
    autoawait = automagic = True
    _call_pdb = call_pdb = pdb = False

    def __init__(self, session: SessionProtocol) -> None:
        self._session = session
        self.user_ns = self.user_global_ns = session.namespace
        self.user_ns_hidden: dict[str, Any] = {}
        self.user_module = sys.modules["__main__"]
        self.events = Events()
        self.configurables: list[Any] = []
        self.ast_transformers: list[Any] = []
        self.input_transformers_cleanup: list[Any] = []
        self.input_transformers_post: list[Any] = []
        self.display_pub = _Publisher(session)
        self.magics_manager = _Magics(self)
        self.extension_manager = _Extensions(self)
        self.hooks = _Hooks()
        self.aliases: dict[str, str] = {}
        self.folders: list[str] = []  #: of `%pushd`

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The kernel's own class when IPython is loaded: some libraries test for it with `isinstance`, some by name."""
        for module, name in (("ipykernel.zmqshell", "ZMQInteractiveShell"), ("IPython.core.interactiveshell", "InteractiveShell")):  # fmt: skip
            found = getattr(sys.modules.get(module), name, None)
            if found is not None:
                return found
        return type(self)

    def __reduce__(self) -> Any:
        return (current, ())

    # ---------------------------------------------------------------- commands
    def system(self, command: str) -> None:
        """Run a command with its output in the step's log."""
        from kfnb.runtime.magics.shell_commands import run_command

        self.user_ns["_exit_code"] = run_command(self.var_expand(command, 1))

    system_raw = system_piped = system

    def getoutput(self, command: str, split: bool = True, depth: int = 0) -> Any:
        """Run a command and return the lines it printed."""
        from kfnb.runtime.magics.shell_commands import output_lines

        lines = output_lines(self.var_expand(command, depth + 1))
        return lines if split else lines.n

    def var_expand(self, cmd: str, depth: int = 0) -> str:
        """Expand ``{expression}`` and ``$name`` with the names of the caller, or of its caller at ``depth`` 1."""
        return expand(cmd, self._names(depth))

    def _names(self, depth: int) -> dict[str, Any]:
        """The notebook's names, and the local names of the function ``depth`` frames above the caller."""
        frame = sys._getframe(depth + 2)
        return self.user_ns if frame.f_locals is self.user_ns else {**self.user_ns, **frame.f_locals}

    # ---------------------------------------------------------------- magics
    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        """Run ``%magic_name line``."""
        names = self._names(_stack_depth - 1)
        registered = self.find_line_magic(magic_name)
        if registered is not None:
            return registered(
                line if _raw(registered) else expand(line, names), **({"local_ns": names} if _local(registered) else {})
            )
        from kfnb.runtime.magics import line_magics

        return line_magics.run(self, magic_name, line, names)

    def run_cell_magic(self, magic_name: str, line: str, cell: str, _stack_depth: int = 1) -> Any:
        """Run ``%%magic_name line`` with the text below it."""
        names = self._names(_stack_depth - 1)
        registered = self.find_cell_magic(magic_name)
        if registered is not None:
            return registered(
                line if _raw(registered) else expand(line, names),
                cell,
                **({"local_ns": names} if _local(registered) else {}),
            )
        from kfnb.runtime.magics import cell_magics

        return cell_magics.run(self, magic_name, line, cell, names)

    def magic(self, arg_s: str) -> Any:
        name, _, line = arg_s.lstrip().lstrip("%").partition(" ")
        return self.run_line_magic(name, line.strip(), 2)

    def find_magic(self, magic_name: str, magic_kind: str = "line") -> Any:
        return self.magics_manager.magics[magic_kind].get(magic_name)

    def find_line_magic(self, magic_name: str) -> Any:
        return self.find_magic(magic_name)

    def find_cell_magic(self, magic_name: str) -> Any:
        return self.find_magic(magic_name, "cell")

    def register_magic_function(self, func: Any, magic_kind: str = "line", magic_name: str | None = None) -> None:
        self.magics_manager.register_function(func, magic_kind, magic_name)

    def register_magics(self, *magic_objects: Any) -> None:
        self.magics_manager.register(*magic_objects)

    def timed(self, clock: Any = None, value: Any = None) -> Any:
        """``%time``: return the value of an expression and show its time, or time the statements of a ``with``."""
        from kfnb.runtime.magics.timing_magics import Timed

        if clock is None:
            return Timed()
        clock.show()
        return value

    def clock(self) -> Any:
        from kfnb.runtime.magics.timing_magics import Clock

        return Clock()

    # ---------------------------------------------------------------- code
    def run_cell(self, raw_cell: str, *_: Any, **__: Any) -> Any:
        """Run text as a cell of the step: display its value, or print its error."""
        return self._session.run_text(raw_cell)

    def ex(self, cmd: str) -> None:
        exec(cmd, self.user_ns)

    def ev(self, expr: str) -> Any:
        return eval(expr, self.user_ns)

    def push(self, variables: Any, interactive: bool = True) -> None:
        """Bind the names of a dictionary, or some names of the caller."""
        if not isinstance(variables, dict):
            local = sys._getframe(1).f_locals
            variables = {n: local[n] for n in (variables.split() if isinstance(variables, str) else variables)}
        self.user_ns.update(variables)

    def transform_cell(self, raw_cell: str) -> str:
        from kfnb.runtime.cells.ipython_syntax import translate

        return translate(raw_cell).code

    def del_var(self, varname: str, by_name: bool = False) -> None:
        del self.user_ns[varname]

    # ---------------------------------------------------------------- what libraries use
    @property
    def display_formatter(self) -> DisplayFormatter:
        found: DisplayFormatter = self._session.displays.formatter
        return found

    @property
    def config(self) -> Any:
        """An empty configuration: no application runs the step."""
        loader = sys.modules.get("traitlets.config.loader")
        return loader.Config() if loader is not None else {}

    def _find_my_config(self, cfg: Any) -> Any:
        """`traitlets` calls this on the parent of a class of magics."""
        return self.config

    @property
    def execution_count(self) -> int:
        return self._session.cell

    def has_trait(self, name: str) -> bool:
        return False

    def set_next_input(self, s: str, replace: bool = False) -> None:
        """Does nothing: nobody continues with the next input."""

    def enable_gui(self, gui: Any = None) -> None:
        """Does nothing: figures are displayed at the end of the cell, without a window."""

    def enable_matplotlib(self, gui: Any = None) -> tuple[Any, str]:
        return None, "inline"

    def observe(self, *_: Any, **__: Any) -> None:
        """Does nothing: no setting changes."""

    def set_custom_exc(self, exc_tuple: Any, handler: Any) -> None:
        """Does nothing: errors end the step, and its engine shows them."""

    def showtraceback(self, *_: Any, **__: Any) -> None:
        """Print the error that is being handled."""
        error = sys.exc_info()[1]
        if error is not None:
            self._session.report(error)


#: The same name as in a kernel: libraries compare `type(get_ipython()).__name__` to find out whether they are in a notebook.
Shell.__name__ = Shell.__qualname__ = "ZMQInteractiveShell"


def current() -> Any:
    """The shell of the current step. A pickled shell is loaded as this one."""
    import builtins

    return getattr(builtins, "get_ipython", lambda: None)()


def _raw(function: Any) -> bool:
    """Whether a magic wants its line as written (IPython's ``no_var_expand``)."""
    return bool(getattr(function, "_ipython_magic_no_var_expand", False))


def _local(function: Any) -> bool:
    """Whether a magic wants the caller's names (IPython's ``needs_local_scope``)."""
    return bool(getattr(function, "needs_local_scope", False))


class _Hooks:
    """``get_ipython().hooks``: a hook that would open a window prints instead."""

    def show_in_pager(self, data: Any, start: int = 0, screen_lines: int = 0) -> None:
        print(data["text/plain"] if isinstance(data, dict) else data)


class _Publisher:
    """``get_ipython().display_pub``, which IPython's own functions use to display and clear."""

    is_publishing = False

    def __init__(self, session: SessionProtocol) -> None:
        self._session = session

    def publish(self, data: Any, metadata: Any = None, *_: Any, transient: Any = None, update: bool = False, **__: Any) -> None:  # fmt: skip
        name = (transient or {}).get("display_id")
        self._session.displays.publish(data, metadata, name, update)

    def clear_output(self, wait: bool = False) -> None:
        """Remove what the cell has displayed so far. The log keeps what was printed."""
        self._session.displays.clear(wait)


class _Magics:
    """The magics that the notebook and its extensions register."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self.magics: dict[str, dict[str, Any]] = {"line": {}, "cell": {}}
        self.registry: dict[str, Any] = {}

    def register_function(self, func: Any, magic_kind: str = "line", magic_name: str | None = None) -> None:
        for kind in ("line", "cell") if magic_kind == "line_cell" else (magic_kind,):
            self.magics[kind][magic_name or func.__name__] = func

    def register(self, *magic_objects: Any) -> None:
        """Register classes of magics, or instances of them."""
        for magics in magic_objects:
            if isinstance(magics, type):
                magics = magics(self._shell)
            self.registry[type(magics).__name__] = magics
            for kind in self.magics:
                for name, method in magics.magics[kind].items():
                    self.magics[kind][name] = getattr(magics, method) if isinstance(method, str) else method

    def register_alias(self, alias_name: str, magic_name: str, magic_kind: str = "line", params: str = "") -> None:
        run: Callable[..., Any] = self._shell.run_line_magic if magic_kind == "line" else self._shell.run_cell_magic
        self.magics[magic_kind][alias_name] = lambda line, *body: run(magic_name, (params + " " + line).strip(), *body)


class _Extensions:
    """Modules with ``load_ipython_extension``."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self.loaded: set[str] = set()

    def load_extension(self, name: str) -> str | None:
        """Load an extension as ``%load_ext`` does. Return why it was not loaded, or ``None``."""
        if name in self.loaded:
            return "already loaded"
        from kfnb.runtime.magics.magic_table import QUIET_EXTENSIONS

        if name.rpartition(".")[2] not in QUIET_EXTENSIONS:
            import importlib

            module = importlib.import_module(name)
            if not hasattr(module, "load_ipython_extension"):
                return "no load function"
            module.load_ipython_extension(self._shell)
        self.loaded.add(name)
        return None

    def unload_extension(self, name: str) -> str | None:
        if name not in self.loaded:
            return "not loaded"
        self.loaded.discard(name)
        unload = getattr(sys.modules.get(name), "unload_ipython_extension", None)
        if unload is None:
            return "no unload function"
        unload(self._shell)
        return None

    def reload_extension(self, name: str) -> str | None:
        self.loaded.discard(name)
        return self.load_extension(name)
