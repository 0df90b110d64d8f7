"""Shows a view with the core widgets of ipywidgets, in kernels without anywidget. The graph is in the picture above it."""

from __future__ import annotations

import time
from functools import partial
from html import escape
from typing import Any

from kfnb.runs.run_as_text import headline, step_duration
from kfnb.states import FINAL, SYMBOLS
from kfnb.terminal_escapes import without_codes
from kfnb.widgets.anywidget_view import handle_beside_cells
from kfnb.widgets.view_protocols import ShownView
from kfnb.widgets.view_state import Json

SHOW_EVERY = 0.25  #: seconds between two changes of what is shown
NO_STEP = ("log of a step …", "")
MOST_LINES = 300  #: of a log that are shown
MONO = "margin:0;max-height:20em;overflow:auto;white-space:pre-wrap;line-height:1.3"


class CoreFace:
    """Shows a view's words, its chosen log, its parameters and what can be pressed."""

    def __init__(self, view: ShownView) -> None:
        import ipywidgets as w

        self._view, self._w = view, w
        self._stale, self._next = False, 0.0
        self._status, self._message, self._log = w.HTML(), w.HTML(), w.HTML()
        self._cancel = self._button("Cancel", "Cancel this run", lambda: view.act({"do": "cancel"}))
        self._retry = self._button("Retry", "Run again what has not succeeded", self._again)
        self._step = w.Dropdown(options=[NO_STEP], value="", layout=w.Layout(width="auto"))
        self._step.observe(self._chosen, "value")
        handle_beside_cells(self._step)
        self._fields: dict[str, Any] = {}
        self._faults: dict[str, Any] = {}
        form = self._form(view.snapshot()["form"])
        self._actions = w.HBox([self._cancel, self._retry, self._step])
        self._box = w.VBox([form, self._message, self._status, self._actions, self._log])
        self._show()
        from IPython.display import display

        put: Any = display
        put(self._box)

    def update(self, changes: Json) -> None:
        self._stale = True
        self.tick()

    def tick(self) -> None:
        if self._stale and time.monotonic() >= self._next:
            self._show()

    def flush(self) -> None:
        self._show()

    def close(self) -> None:
        self._box.close()

    # ---------------------------------------------------------------- what is shown
    def _show(self) -> None:
        self._stale, self._next = False, time.monotonic() + SHOW_EVERY
        shown = self._view.snapshot()
        run, now = shown["run"], shown["now"]
        notice, doing = shown["notice"] or {}, shown["doing"]
        line = headline(shown["name"], run, now) if run else ""
        set_if_changed(self._status, "value", f"<b>{escape(line)}</b>{escape(f' · {doing} …' if doing else '')}")
        set_if_changed(self._message, "value", f'<pre role="alert" style="{MONO}">{escape(notice["text"])}</pre>' if notice.get("text") else "")  # fmt: skip
        for name, fault in self._faults.items():
            set_if_changed(fault, "value", escape(notice.get("fields", {}).get(name, "")))
        active = run is not None and run["state"] not in FINAL
        set_if_changed(self._cancel, "disabled", not active)
        set_if_changed(
            self._retry, "disabled", run is None or run["state"] not in ("failed", "cancelled") or doing is not None
        )
        set_if_changed(self._actions.layout, "display", "none" if run is None else "flex")
        self._show_log(shown, now)

    def _show_log(self, shown: Json, now: float) -> None:
        steps = shown["steps"]
        names = ["", *steps]
        if [value for _, value in self._step.options] != names:
            self._step.options = [NO_STEP, *((n, n) for n in steps)]
        set_if_changed(self._step, "value", shown["chosen"] if shown["chosen"] in names else "")
        step, log = steps.get(shown["chosen"]), shown["log"]
        if step is None or log is None:
            set_if_changed(self._log, "value", "")
            return
        head = " · ".join(w for w in (f"{SYMBOLS[step['state']]} {shown['chosen']}", step["state"], step_duration(step, now), step["reason"] or "") if w)  # fmt: skip
        lines = "\n".join(without_codes(line) for line in log["lines"][-MOST_LINES:])
        set_if_changed(self._log, "value", f'<div>{escape(head)}</div><pre style="{MONO}">{escape(lines)}</pre>')

    # ---------------------------------------------------------------- what can be pressed and filled in
    def _button(self, label: str, hint: str, act: Any) -> Any:
        button = self._w.Button(description=label, tooltip=hint, layout=self._w.Layout(width="auto"))
        button.on_click(lambda _: act())
        handle_beside_cells(button)
        return button

    def _form(self, form: Json | None) -> Any:
        w = self._w
        if form is None:
            return w.VBox([])
        rows = []
        for parameter in form["parameters"]:
            name, typed = parameter["name"], parameter["default"]
            if parameter["type"] == "bool":
                field = w.Checkbox(typed == "true", indent=False)
            elif parameter.get("choices"):
                field = w.Dropdown(options=parameter["choices"], value=typed)
            else:
                field = w.Text(typed)
            self._fields[name], self._faults[name] = field, w.HTML()
            handle_beside_cells(field)
            label = w.Label(f"{name} ({parameter['type']})", layout=w.Layout(width="14em"))
            rows.append(w.HBox([label, field, self._faults[name]]))
        targets = [t for t in form["targets"] if t != "local"]
        buttons = [self._button("Run", "Run this pipeline here", lambda: self._run("local"))]
        buttons += [self._button(f"Submit to {t}", f"Run this pipeline on {t}", partial(self._run, t)) for t in targets]
        return w.VBox([*rows, w.HBox(buttons)])

    def _run(self, target: str) -> None:
        values = {n: str(f.value).lower() if f.value in (True, False) else f.value for n, f in self._fields.items()}
        self._view.act({"do": "run", "parameters": values, "target": target})

    def _again(self) -> None:
        self._view.act({"do": "retry"})

    def _chosen(self, change: Json) -> None:
        if change["new"] and change["new"] != self._view.snapshot()["chosen"]:
            self._view.act({"do": "choose", "step": change["new"]})


def set_if_changed(widget: Any, trait: str, value: Any) -> None:
    """Set what is new only: every change is a message."""
    if getattr(widget, trait) != value:
        setattr(widget, trait, value)
