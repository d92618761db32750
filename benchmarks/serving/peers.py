"""The servers that are compared: how each is started, in an environment of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BUILD = ROOT / "build" / "serving"
PORT = 18480


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """A command that serves on PORT with one worker."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def prepare() -> None:
    """The peers' environment and the models are in build/serving."""
    python = BUILD / "venv" / "bin" / "python"
    uv = str(ROOT / ".venv" / "bin" / "uv")
    requirements = HERE / "requirements.txt"
    stamp = BUILD / "requirements.txt"
    if not stamp.exists() or stamp.read_bytes() != requirements.read_bytes():
        BUILD.mkdir(parents=True, exist_ok=True)
        if not python.exists():
            base = str(ROOT / ".venv" / "bin" / "python")
            subprocess.run([uv, "venv", "-q", "--python", base, BUILD / "venv"], check=True)
        install = [uv, "pip", "sync", "-q", "--python", python, "--require-hashes", requirements]
        subprocess.run(install, check=True)
        stamp.write_bytes(requirements.read_bytes())
    if not (BUILD / "row.csv").exists():
        subprocess.run([python, HERE / "train_model.py", BUILD], check=True)
        subprocess.run([python, HERE / "train_mlp.py", BUILD], check=True)


def ours(folder: Path = BUILD, **environment: str) -> Peer:
    """Our server; its log goes nowhere, but is written."""
    return Peer(
        name="ours",
        command=[
            str(ROOT / ".venvs/inference_server/bin/python"),
            "-m",
            "inference_server",
            "serve",
        ],
        environment={
            "PYTHONPATH": str(ROOT / "containers"),
            "SAGEMAKER_BASE_DIR": str(folder),
            "SAGEMAKER_BIND_TO_PORT": str(PORT),
            "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
            **environment,
        },
    )


def nginx() -> Peer:
    """nginx that returns 200: what HTTP costs when nothing is done."""
    configuration = BUILD / "nginx.conf"
    configuration.write_text(
        f"daemon off; worker_processes 1; pid {BUILD}/nginx.pid; error_log /dev/null;\n"
        "events { worker_connections 1024; }\n"
        "http { access_log off; keepalive_requests 100000000;\n"
        f'  server {{ listen {PORT}; location / {{ return 200 ""; }} }} }}\n'
    )
    return Peer(name="nginx", command=["nginx", "-c", str(configuration)])


def fastapi() -> Peer:
    """FastAPI on uvicorn with ONNX Runtime."""
    command = [str(BUILD / "venv/bin/python"), "-m", "uvicorn", "fastapi_peer:app"]
    command += ["--port", str(PORT), "--no-access-log", "--loop", "uvloop", "--http", "httptools"]
    return Peer(name="FastAPI", command=command, environment=_environment())


def aws_sample() -> Peer:
    """nginx before gunicorn before Flask with pandas and scikit-learn, as in AWS's sample.

    https://github.com/aws/amazon-sagemaker-examples, scikit_bring_your_own: its nginx.conf and its
    gunicorn command (gevent left out: one worker, one request at a time, is its faster form).
    """
    configuration, socket = BUILD / "sample.conf", BUILD / "gunicorn.sock"
    configuration.write_text(
        f"daemon off; worker_processes 1; pid {BUILD}/sample.pid; error_log /dev/null;\n"
        "events { worker_connections 2048; }\n"
        "http { access_log off; client_max_body_size 5m;\n"
        f"  upstream gunicorn {{ server unix:{socket}; }}\n"
        f"  server {{ listen {PORT}; keepalive_timeout 5; location / {{\n"
        "    proxy_set_header Host $http_host; proxy_pass http://gunicorn; } } }\n"
    )
    gunicorn = (
        f"{BUILD}/venv/bin/python -m gunicorn --workers 1 --bind unix:{socket} flask_peer:app"
    )
    shell = f"rm -f {socket}; nginx -c {configuration} & exec {gunicorn} --timeout 60"
    return Peer(name="AWS sample", command=["sh", "-c", shell], environment=_environment())


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": str(HERE), "MODEL_FOLDER": str(BUILD)}
