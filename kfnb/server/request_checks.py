"""Checks the sender and the body of every request, and turns errors into messages for the browser."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from jupyter_server.base.handlers import APIHandler
from tornado import web

from kfnb.engines.cluster.clients.cluster_errors import BadTarget, ClusterError
from kfnb.engines.cluster.targets.write_target import TargetExists
from kfnb.images.needs.kernel_interpreters import Interpreter, interpreter_of, unknown_packages
from kfnb.notebook.marks.division import DIVISIONS
from kfnb.notebook.notebook_source import with_division
from kfnb.problems import NotebookError
from kfnb.runs.record.database import write_error_text
from kfnb.runs.record.home_folder import home_folder
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.private_record_files import DamagedRecord
from kfnb.runs.retention.prune_runs import StillRuns
from kfnb.schedules.schedule_model import BadSchedule, UnknownSchedule
from kfnb.schedules.timetable import BadTimetable
from kfnb.server.ask_kernel import NoAnswer, packages_of_kernel
from kfnb.server.body_size_limit import BoundedBody
from kfnb.server.browser_json import to_wire
from kfnb.server.compile_open_notebook import BadNotebook
from kfnb.server.run_requests import Refused, Runs

AUTH = "kfnb"  #: the resource that an authorizer is asked about
RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4,}")
NAME = 200  #: letters of a name in a request
Answer = TypeVar("Answer")


class Handler(BoundedBody, APIHandler):
    """One endpoint. Requests to the record of runs and to clusters run in threads."""

    auth_resource = AUTH

    @property
    def runs(self) -> Runs:
        found: Runs = self.settings["kfnb_runs"]
        return found

    async def ask(self, question: Callable[..., Answer], *args: Any, **kwargs: Any) -> Answer:
        """Return the result of a function, or raise an HTTP error with its message."""
        try:
            return await asyncio.get_running_loop().run_in_executor(None, functools.partial(question, *args, **kwargs))
        except StillRuns as error:
            raise self.problem(409, words_of(error)) from None
        except TargetExists as error:
            raise self.problem(409 if error.replaceable else 422, str(error)) from None
        except (UnknownRun, UnknownSchedule, BadTarget) as error:
            raise self.problem(404, words_of(error)) from None
        except (BadNotebook, Refused) as error:
            raise self.problem(422, str(error), error.problems) from None
        except (BadSchedule, BadTimetable) as error:
            raise self.problem(422, str(error)) from None
        except NotebookError as error:
            raise self.problem(422, str(error), [p.to_json() for p in error.problems]) from None
        except ClusterError as error:
            raise self.problem(502, str(error)) from None
        except DamagedRecord as error:
            raise self.problem(500, str(error)) from None
        except (OSError, sqlite3.OperationalError) as error:
            raise self.problem(507, write_error_text(error, home_folder())) from None

    async def interpreter(self, body: dict[str, Any]) -> Interpreter:
        """The interpreter and environment for the steps of a request's notebook."""
        return await self.ask(interpreter_of, self.kernel_spec_manager, body.get("notebook"))

    async def interpreter_for(self, body: dict[str, Any], target: str, place: Path | None) -> Interpreter:
        """The same for a run on a target. For a cluster, a kernel that is elsewhere is asked which packages it has."""
        found = await self.interpreter(body)
        if not await self.ask(self.runs.is_cluster, target, place):
            return replace(found, problem=None)  # the open notebook says it
        if found.problem is None:
            return found
        try:
            packages = await packages_of_kernel(self.session_manager, self.kernel_manager, str(body.get("path")))
        except NoAnswer as error:
            return Interpreter(problem=unknown_packages(body.get("notebook"), str(error)))
        return Interpreter(str(packages))

    def problem(self, status: int, message: str, problems: list[dict[str, Any]] | None = None) -> web.HTTPError:
        """An error whose JSON has ``message`` and, where the notebook is at fault, ``problems``."""
        self.problems = problems
        return web.HTTPError(status, message.replace("%", "%%"), reason="kfnb")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        self.set_header("Content-Type", "application/json")
        if isinstance(error, web.HTTPError):
            message = (error.log_message or "").replace("%%", "%") or error.reason or ""
        else:
            message = f"kfnb failed: {type(error).__name__}: {error}; the server's log has the traceback"
        content: dict[str, Any] = {"message": message}
        if getattr(self, "problems", None):
            content["problems"] = self.problems
        self.finish(to_wire(content))

    # ---------------------------------------------------------------- bodies
    def body(self, **fields: type | tuple[type, ...]) -> dict[str, Any]:
        """The JSON body. Each of ``fields`` has the given type if it is present. Raises an HTTP error."""
        try:
            found = json.loads(bytes(self.content) or b"{}")
        except (ValueError, RecursionError) as error:
            raise self.problem(400, f"the body is not JSON: {error}") from None
        if not isinstance(found, dict):
            raise self.problem(400, "the body should be a JSON object")
        for name, value in found.items():
            if name not in fields:
                raise self.problem(400, f"the body has an unknown field `{name[:NAME]}`")
            if value is not None and not isinstance(value, fields[name]):
                raise self.problem(400, f"`{name}` is of the wrong type")
            if isinstance(value, str) and len(value) > 4 * NAME:
                raise self.problem(400, f"`{name}` is too long")
        return found

    def notebook_path(self, path: str) -> Path | None:
        """Where a notebook is on disk, from its path in the file browser; ``None`` where it is on none.

        Raises
        ------
        HTTPError
            For a path that leads out of the server's root folder.
        """
        if path.startswith(("/", "\\")) or ".." in Path(path).parts or "\0" in path or re.match(r"\w:[\\/]", path):
            raise self.problem(400, "a notebook's path is relative to the server's root folder, without `..`")
        find = getattr(self.contents_manager, "_get_os_path", None)
        return Path(find(path)) if find is not None else None


class NotebookHandler(Handler):
    """An endpoint whose requests have a notebook."""

    @property
    def largest_body(self) -> int:
        found: int = self.settings["kfnb_max_notebook_bytes"]
        return found

    def notebook_body(self, **fields: type | tuple[type, ...]) -> dict[str, Any]:
        """The JSON body, whose notebook is divided into steps as the field ``as`` says. Raises an HTTP error."""
        body = self.body(**fields, **{"as": str})
        how = body.pop("as", None)
        if how is not None and how not in DIVISIONS:
            raise self.problem(400, f"`as` is one of {', '.join(DIVISIONS)}")
        body["notebook"] = with_division(body.get("notebook"), how)
        return body


def words_of(error: Exception) -> str:
    """The text of an error, without the quotes that `LookupError` adds."""
    return str(error.args[0]) if error.args else str(error)
