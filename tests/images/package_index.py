"""A package index on this machine, and environments that have its packages: `index.add("numbers", "1.0", requires=["more"])`."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kfnb.requirement_checks import requirement_name


@dataclass
class PackageIndex:
    """Packages as small as they can be. ``secret`` is ``user:password``, when the index wants one."""

    folder: Path
    url: str = ""
    secret: str = ""
    asked: list[str] = field(default_factory=list)

    def add(
        self, name: str, version: str, requires: Iterable[str] = (), module: str = "", tag: str = "py3-none-any", text: str = ""
    ) -> Path:  # fmt: skip
        """A wheel with one module, in the index."""
        stem = f"{name.replace('-', '_')}-{version}"
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        files = {
            f"{module or name.replace('-', '_')}.py": text or f"version = {version!r}\n",
            f"{stem}.dist-info/METADATA": metadata + "".join(f"Requires-Dist: {r}\n" for r in requires),
            f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
        }
        record = [f"{n},sha256={_digest(t)},{len(t.encode())}" for n, t in files.items()]
        files[f"{stem}.dist-info/RECORD"] = "\n".join([*record, f"{stem}.dist-info/RECORD,,"]) + "\n"
        path = self.folder / f"{stem}-{tag}.whl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            for file, content in files.items():
                archive.writestr(zipfile.ZipInfo(file), content)
        return path

    def sha256(self, name: str) -> str:
        """The hash of a file."""
        return hashlib.sha256((self.folder / name).read_bytes()).hexdigest()

    def page(self, project: str) -> str:
        """The page of a project, as PEP 503 describes it."""
        files = [f for f in sorted(self.folder.glob("*.whl")) if requirement_name(f.name.split("-")[0]) == project]
        return "".join(f'<a href="/files/{f.name}#sha256={self.sha256(f.name)}">{f.name}</a>\n' for f in files)


@contextmanager
def package_index(folder: Path, secret: str = "") -> Iterator[PackageIndex]:
    """An index that serves the wheels in a folder."""
    index = PackageIndex(folder, secret=secret)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.asked.append(self.path)
            expected = "Basic " + base64.b64encode(secret.encode()).decode()
            if secret and self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="index"')
                self.end_headers()
                return
            kind, name = self.path.strip("/").split("/")[:2]
            file = index.folder / name
            body = file.read_bytes() if kind == "files" else index.page(name).encode()
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "application/octet-stream" if kind == "files" else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    index.url = f"http://{secret + '@' if secret else ''}127.0.0.1:{server.server_port}/simple"
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()


def environment(folder: Path, *wheels: Path) -> str:
    """The interpreter of an environment that has wheels installed."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for wheel in wheels:
        name = requirement_name(wheel.name.split("-")[0])
        for old in packages.glob("*.dist-info"):
            if requirement_name(old.name.split("-")[0]) == name:
                (old / "METADATA").unlink(missing_ok=True)
                (old / "RECORD").unlink(missing_ok=True)
                (old / "WHEEL").unlink(missing_ok=True)
                old.rmdir()
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages)
    return str(python)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
