"""The extension's application: its configuration, its routes, and the objects that live as long as the server."""

from __future__ import annotations

from jupyter_server.extension.application import ExtensionApp
from traitlets import Float, Int

from kfnb.runs.record.home_folder import home_folder
from kfnb.schedule_keeper.keeper_process import start_keeper
from kfnb.server.event_hub import Hub
from kfnb.server.rest_handlers import ROUTES
from kfnb.server.run_requests import Runs
from kfnb.server.target_requests import Probes


class KfnbApp(ExtensionApp):
    """Pipelines in JupyterLab. Configure it as ``c.KfnbApp.…`` in Jupyter Server's configuration."""

    name = "kfnb"
    extension_url = "/lab"
    load_other_extensions = True

    max_notebook_bytes = Int(
        20_000_000, help="Largest notebook, without its outputs, that is read. Bytes of JSON."
    ).tag(config=True)
    look_every = Float(0.025, help="Seconds between two looks at the record of a run that somebody watches.").tag(
        config=True
    )
    queue_length = Int(
        2_000, help="Messages that wait for a slow browser before it gets a fresh snapshot instead."
    ).tag(config=True)

    def initialize_settings(self) -> None:
        start_keeper(home_folder())
        runs = Runs()
        hub = Hub(runs, self.look_every, self.queue_length)
        self.settings.update(
            kfnb_runs=runs, kfnb_hub=hub, kfnb_probes=Probes(), kfnb_max_notebook_bytes=self.max_notebook_bytes
        )

    def initialize_handlers(self) -> None:
        self.handlers.extend(ROUTES)

    async def stop_extension(self) -> None:
        """Stop the extension. Runs go on, because they are separate processes."""
        self.settings["kfnb_probes"].stop()
        await self.settings["kfnb_hub"].stop()
        self.settings["kfnb_runs"].close()
