"""What installing packages at the start of steps costs, as the first run on a cluster says it."""

from __future__ import annotations

from pathlib import Path

from kfnb.runs.attempt_logs import LogWriter
from kfnb.runs.install_times import install_advice, install_times
from kfnb.runs.record.run_store import RunStore


def ended_run(store: RunStore, engine: str, logs: dict[str, str]) -> str:
    run_id = store.create("train", "/work/train.ipynb", None, engine, {})
    for path, text in logs.items():
        store.record_step(run_id, path, path, "succeeded", attempts=1)
        folder = store.attempt_folder(run_id, path, 1)
        folder.mkdir(parents=True)
        writer = LogWriter(folder / "log")
        writer.feed(text.encode())
        writer.close()
    store.record_run(run_id, "succeeded")
    return run_id


LOGS = {
    "load": "installing pandas==2.3.3\ninstalled in 7.4 s\n30 rows\ninstalled in 0.6 s\n",
    "train": "installing torch==2.9.0\ninstalled in 41.0 s\n",
    "show": "it was installed in 3 s by hand\n",
}


def test_the_first_run_says_what_installing_cost(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run_id = ended_run(store, "argo", LOGS)
    assert install_times(store, run_id) == {"load": 8.0, "train": 41.0}
    advice = install_advice(store, store.summary(run_id))
    assert advice.startswith("steps installed packages for 49 s when they started (train 41 s, load 8 s)")
    assert "with `repository` in the target" in advice
    again = ended_run(store, "argo", LOGS)
    assert install_advice(store, store.summary(again)) == ""


def test_a_run_on_this_machine_and_one_that_installed_nothing_say_nothing(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    assert install_advice(store, store.summary(ended_run(store, "local", LOGS))) == ""
    assert install_advice(store, store.summary(ended_run(store, "kfp", {"show": LOGS["show"]}))) == ""
