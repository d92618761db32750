"""A serving container small enough to start at once, for tests of what surrounds containers.

It answers `<name> <body>`, the name being the environment's NAME or what its model's file `name`
says. DELAY (seconds) and STATUS change how it answers. With SAGEMAKER_MULTI_MODEL it speaks the
multi-model contract (contracts.md 2.4) and has room for ROOM models.
"""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BASE = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
ROOM = int(os.environ.get("ROOM", "2"))
models: dict[str, tuple[str, str]] = {}  # name -> what its file says, url


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        """Nothing: the container's log is for what it says itself."""

    def do_GET(self) -> None:
        if self.path == "/ping":
            self.answer(200, b"")
        elif self.path == "/models":
            listed = [{"modelName": name, "modelUrl": url} for name, (_, url) in models.items()]
            self.answer(200, json.dumps({"models": listed}).encode())
        else:
            self.answer(404, b"")

    def do_DELETE(self) -> None:
        gone = models.pop(self.path.removeprefix("/models/"), None)
        say(f"unloaded {gone and gone[0]}")
        self.answer(200 if gone else 404, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/models":
            self.load(json.loads(body))
        elif self.path == "/invocations":
            self.predict(own_name(), body)
        elif self.path.removesuffix("/invoke").removeprefix("/models/") in models:
            name = self.path.removesuffix("/invoke").removeprefix("/models/")
            self.predict(models[name][0], body)
        else:
            self.answer(404, b"no such model")

    def load(self, wanted: dict[str, str]) -> None:
        name = wanted["model_name"]
        if name in models:
            return self.answer(409, b"it is loaded")
        if len(models) >= ROOM:
            return self.answer(507, b"no room")
        time.sleep(float(os.environ.get("LOADING", "0")))
        says = (Path(wanted["url"]) / "name").read_text()
        models[name] = says, wanted["url"]
        say(f"loaded {says}")
        return self.answer(200, b"")

    def predict(self, name: str, body: bytes) -> None:
        time.sleep(float(os.environ.get("DELAY", "0")))
        status = int(os.environ.get("STATUS", "200"))
        accept = self.headers.get("Accept", "*/*").replace("*/*", "text/csv")
        say(f"got {self.headers.get('Content-Type')}, to give {accept}")
        self.answer(status, f"{name} ".encode() + body, accept)

    def answer(self, status: int, body: bytes, content_type: str = "text/csv") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def say(text: str) -> None:
    """The text is a line of the container's log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def own_name() -> str:
    """What this container calls itself."""
    file = BASE / "model" / "name"
    return os.environ.get("NAME") or (file.read_text() if file.exists() else "nobody")


if __name__ == "__main__":
    assert sys.argv[1:] == ["serve"], sys.argv
    port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
