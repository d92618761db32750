"""Containers under an engine: what it is asked, what it answers, and that none is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fake_engine import FakeEngine

from local_aws import adapter
from local_aws.runtime import engine, images, launching, processes
from local_aws.runtime.containers import ContainerSpec, RuntimeFailure
from local_aws.runtime.engine import cleanup, run
from local_aws.runtime.engine.build import Image
from local_aws.runtime.engine.choice import Engine
from local_aws.runtime.hosting import Variant, VariantSpec
from local_aws.runtime.training import TrainingOutcome, run_training_job
from local_aws.runtime.workspace import Workspace
from sagemaker_workflow.build_context import build_context_hash

ROLE = "arn:aws:iam::222233334444:role/execution"
ECHO = """
    import json, os, sys
    print(json.dumps([sys.argv[1:], dict(os.environ)]))
"""
SLEEP = """
    import time
    print("up")
    time.sleep(60)
"""


@pytest.fixture
def podman(aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    fake = FakeEngine(tmp_path / "fake", "podman")
    monkeypatch.setenv("PATH", f"{fake.bin}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LOCAL_AWS_ENGINE", "podman")
    monkeypatch.delenv("LOCAL_AWS_ENGINE_BASE", raising=False)
    yield fake
    processes.kill_all()  # before the folder of the fake goes
    processes._reaper._commands.clear()


@pytest.fixture
def add(aws: Any, image: Any) -> Callable[[str, str], str]:
    """Adds an image with a Dockerfile, pushed with the hash of its folder."""

    def push(name: str, script: str) -> str:
        uri = image.add(name, script)
        folder = image.root / "containers" / name
        (folder / "Dockerfile").write_text('ENTRYPOINT ["python"]\n')
        aws.images[f"flights/{name}:1"][images.ANNOTATION_HASH] = build_context_hash(folder)
        return str(uri)

    return push


def prepare(uri: str, **given: Any) -> launching.Prepared:
    workspace = Workspace("job")
    launch = launching.resolve(uri, ROLE, workspace)
    arguments = {"role_arn": ROLE, "isolated": False, "platform": {}, "user": {}}
    return launching.prepare(launch, workspace, **{**arguments, **given})


def pulled(uri: str, **given: Any) -> launching.Prepared:
    prepared = prepare(uri, **given)
    prepared.pull(say=lambda line: None, stop=threading.Event())
    return prepared


def nothing(line: str) -> None:
    del line


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return not Path("/proc/self/stat").exists()
    return stat.rpartition(")")[2].split()[0] not in "ZX"  # a zombie is as good as dead


# ---- which engine


def test_without_the_variable_containers_are_processes(
    podman: FakeEngine, add: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOCAL_AWS_ENGINE")
    assert prepare(add("trainer", ECHO)).launch.oci is None
    engine.prepare()
    assert podman.calls("ps") == []


def test_refuses_an_engine_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_AWS_ENGINE", "lxc")
    with pytest.raises(RuntimeFailure, match="is 'lxc': set it to podman or docker, or unset it"):
        engine.chosen()


def test_a_missing_engine_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOCAL_AWS_ENGINE", "docker")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeFailure, match="no docker on the PATH: install it, or unset"):
        engine.prepare()


def test_an_engine_that_does_not_answer_says_what_to_do(podman: FakeEngine) -> None:
    podman.go_silent()
    with pytest.raises(
        RuntimeFailure, match=r"does not work here \(Cannot connect to the daemon\):"
    ):
        engine.prepare()


def test_aws_images_are_no_business_of_the_engine(podman: FakeEngine) -> None:
    uri = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
    with pytest.raises(RuntimeFailure, match="no stand-in for the AWS image"):
        prepare(uri)


def test_our_image_needs_no_environment_of_its_own(
    podman: FakeEngine, add: Any, image: Any
) -> None:
    uri = add("trainer", ECHO)
    shutil.rmtree(image.root / ".venvs")
    assert prepare(uri).launch.oci is not None


# ---- the image


def test_an_image_is_built_once_for_each_content(
    podman: FakeEngine, add: Any, aws: Any, image: Any
) -> None:
    uri = add("trainer", ECHO)
    said: list[str] = []
    prepare(uri).pull(say=said.append, stop=threading.Event())
    prepare(uri).pull(say=said.append, stop=threading.Event())
    assert said == ["STEP 1: building trainer"]
    (call,) = podman.calls("build")
    tag = aws.images["flights/trainer:1"][images.ANNOTATION_HASH]
    assert call[call.index("--tag") + 1] == f"localhost/sagemaker-workflow/trainer:{tag}"
    assert call[-1] == str(image.root / "containers/trainer")


def test_containers_that_start_together_share_one_build(podman: FakeEngine, add: Any) -> None:
    uri = add("trainer", ECHO)
    threads = [threading.Thread(target=pulled, args=(uri,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(podman.calls("build")) == 1


def test_another_base_is_another_image(
    podman: FakeEngine, add: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = add("trainer", ECHO)
    pulled(uri)
    monkeypatch.setenv("LOCAL_AWS_ENGINE_BASE", "localhost/base:1")
    pulled(uri)
    first, second = podman.calls("build")
    assert not [word for word in first if word.startswith("BASE=")]
    assert "BASE=localhost/base:1" in second
    assert first[first.index("--tag") + 1] != second[second.index("--tag") + 1]


def test_a_folder_that_changed_since_is_not_built_under_the_old_tag(
    podman: FakeEngine, add: Any, image: Any
) -> None:
    uri = add("trainer", ECHO)
    (image.root / "containers/trainer/fit.py").touch()
    with pytest.raises(RuntimeFailure, match=r"which was never built here.*run `make local` again"):
        pulled(uri)
    assert podman.calls("build") == []


def test_what_was_built_once_still_runs_when_its_folder_changed(
    podman: FakeEngine, add: Any, image: Any
) -> None:
    uri = add("trainer", ECHO)
    pulled(uri)
    (image.root / "containers/trainer/fit.py").touch()
    assert pulled(uri).start(nothing).wait(60) == 0


def test_refuses_a_folder_without_a_dockerfile(podman: FakeEngine, image: Any) -> None:
    with pytest.raises(RuntimeFailure, match="containers/trainer has no Dockerfile"):
        prepare(image.add("trainer", ECHO))


def test_refuses_an_image_that_does_not_tell_its_content(
    podman: FakeEngine, add: Any, aws: Any
) -> None:
    uri = add("trainer", ECHO)
    del aws.images["flights/trainer:1"][images.ANNOTATION_HASH]
    with pytest.raises(RuntimeFailure, match="does not say which content it has"):
        prepare(uri)


# ---- the command line

RUN: dict[str, Any] = {
    "container": "local-aws-1-job",
    "label": "l=1",
    "mounts": [],
    "environment_file": Path("/state/environment"),
    "names": [],
    "entrypoint": None,
    "arguments": ["train"],
    "network": "host",
}


def a_real_image(name: str, *, root: bool, runc: bool = True) -> Image:
    return Image(
        engine=Engine(name=name, program=f"/bin/{name}", root=root, runc=runc),
        uri="uri",
        tag="localhost/x:1",
        folder=Path("/containers/x"),
        context_hash="1",
        base=None,
    )


def test_podman_as_root_is_told_what_a_small_machine_needs() -> None:
    words = run.run_arguments(a_real_image("podman", root=True), **RUN)
    assert words[:3] == ["/bin/podman", "--runtime", "runc"]
    assert words[-2:] == ["localhost/x:1", "train"]
    assert {"nofile=1024:1024", "nproc=1000:1000", "--http-proxy=false"} <= set(words)
    built = engine.build.arguments(a_real_image("podman", root=True))
    assert built[built.index("--isolation") + 1] == "chroot"


def test_podman_for_a_user_keeps_its_own_limits_and_isolation() -> None:
    words = run.run_arguments(a_real_image("podman", root=False, runc=False), **RUN)
    assert "--ulimit" not in words
    assert "--runtime" not in words
    assert "--isolation" not in engine.build.arguments(a_real_image("podman", root=False))


def test_docker_gets_no_word_only_podman_knows() -> None:
    words = run.run_arguments(a_real_image("docker", root=False), **RUN)
    assert not {"--runtime", "--http-proxy=false", "--security-opt", "--ulimit"} & set(words)
    assert words[words.index("--user") + 1] == f"{os.geteuid()}:{os.getegid()}"
    assert not {"--format", "--isolation"} & set(
        engine.build.arguments(a_real_image("docker", root=False))
    )


@pytest.mark.parametrize(
    ("entrypoint", "arguments", "end"),
    [
        (None, ["train"], ["localhost/x:1", "train"]),
        (None, [], ["localhost/x:1"]),
        (["/bin/sh"], [], ["--entrypoint", "/bin/sh", "localhost/x:1"]),
        (["sh", "-c"], ["ls"], ["--entrypoint", "sh", "localhost/x:1", "-c", "ls"]),
    ],
)
def test_entrypoint_and_arguments_are_as_the_request_says(
    entrypoint: list[str] | None, arguments: list[str], end: list[str]
) -> None:
    """contracts 1.1 and 7."""
    given = {**RUN, "entrypoint": entrypoint, "arguments": arguments}
    words = run.run_arguments(a_real_image("podman", root=True), **given)
    assert words[-len(end) :] == end
    assert ("--entrypoint" in words) == (entrypoint is not None)


# ---- the container


def test_a_container_gets_its_environment_and_nothing_of_ours(
    podman: FakeEngine, add: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "secret")
    lines: list[str] = []
    user = {"SCRIPT": "/opt/ml/code/a.py", "TEXT": 'a "quoted" #=value', "LONG": "one\ntwo"}
    process = pulled(add("trainer", ECHO), user=user, arguments=["train"]).start(lines.append)
    assert process.wait(60) == 0
    arguments, env = json.loads(lines[-1])
    assert arguments == ["train"]
    assert {name: env[name] for name in user} == user
    assert env["AWS_SECRET_ACCESS_KEY"] == "secret"
    assert env["AWS_ENDPOINT_URL"] == adapter.endpoint_url()
    assert "MINE" not in env
    assert not {"HOME", "PATH", "PYTHONPATH", "SAGEMAKER_BASE_DIR"} & set(env), "the image's own"


def test_credentials_are_on_no_command_line_and_for_nobody_else_to_read(
    podman: FakeEngine, add: Any
) -> None:
    prepared = pulled(add("trainer", ECHO), user={"PASSWORD": "hunter2", "KEY": "hunter2\n"})
    process = prepared.start(nothing)
    process.wait(60)
    said = json.dumps(podman.calls("run"))
    assert "ASIAROLE" not in said
    assert "hunter2" not in said
    file = prepared.workspace.root / "environment"
    assert file.stat().st_mode & 0o777 == 0o600
    assert not file.is_relative_to(prepared.workspace.base), "the container must not find it"


def test_an_isolated_job_has_no_network_and_a_server_keeps_its_port(
    podman: FakeEngine, add: Any
) -> None:
    uri = add("trainer", ECHO)
    assert prepare(uri).network == "host"
    assert prepare(uri, isolated=True).network == "none"
    assert prepare(uri, isolated=True, listens=True).network == "host"


def test_opt_ml_is_at_its_true_place_and_a_shared_model_is_read_only(
    podman: FakeEngine, add: Any, tmp_path: Path
) -> None:
    lines: list[str] = []
    prepared = pulled(add("trainer", ECHO))
    prepared.workspace.read_only("/opt/ml/model", tmp_path)
    prepared.start(lines.append).wait(60)
    mounts = json.loads(json.loads(lines[-1])[1]["MOUNTS"])
    assert mounts == [
        f"type=bind,source={prepared.workspace.base},target=/opt/ml",
        f"type=bind,source={tmp_path},target=/opt/ml/model,readonly",
    ]


@pytest.mark.parametrize("code", [0, 7, 137])
def test_the_exit_code_is_the_containers(podman: FakeEngine, add: Any, code: int) -> None:
    process = pulled(add("trainer", f"import sys; sys.exit({code})")).start(nothing)
    assert process.wait(60) == code
    assert podman.calls("rm") == []


def test_sigterm_reaches_the_container(podman: FakeEngine, add: Any, eventually: Any) -> None:
    script = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *a: sys.exit(9))
        print("up")
        time.sleep(60)
    """
    process = pulled(add("trainer", script)).start(nothing)
    eventually(process.tail)
    assert process.terminate(60) == 9


def test_a_deaf_container_is_killed_not_its_client_only(
    podman: FakeEngine, add: Any, eventually: Any
) -> None:
    script = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf")
        time.sleep(60)
    """
    process = pulled(add("trainer", script)).start(nothing)
    eventually(process.tail)
    (pid,) = podman.containers().values()
    assert process.terminate(0.3) == 137
    eventually(lambda: not alive(pid))
    assert podman.containers() == {}


def test_a_client_that_is_killed_takes_its_container_along(
    podman: FakeEngine, add: Any, eventually: Any
) -> None:
    process = pulled(add("trainer", SLEEP)).start(nothing)
    eventually(process.tail)
    (pid,) = podman.containers().values()
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(60) == 137
    eventually(lambda: not alive(pid))


# ---- a server's start and end


def test_a_server_removes_what_an_earlier_one_left_and_nothing_else(podman: FakeEngine) -> None:
    sleepers = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    podman.leave_behind("ours", sleepers[0].pid, cleanup.label())
    podman.leave_behind("anothers", sleepers[1].pid, f"{cleanup.LABEL}=another")
    engine.prepare()
    assert set(podman.containers()) == {"anothers"}
    assert sleepers[0].wait(60) == -signal.SIGKILL
    assert sleepers[1].poll() is None
    sleepers[1].kill()
    sleepers[1].wait()


def test_the_end_of_the_server_ends_containers_nobody_waits_for(podman: FakeEngine) -> None:
    """As `podman run` leaves one, when it is killed between making and starting it."""
    engine.prepare()
    sleeper = subprocess.Popen(["sleep", "60"])
    podman.leave_behind("half-made", sleeper.pid, cleanup.label())
    processes.kill_all()
    assert podman.containers() == {}
    assert sleeper.wait(60) == -signal.SIGKILL


OWNER = """
import os, signal, sys
from pathlib import Path
from local_aws import adapter
from local_aws.adapter import process
process.configure(process.Settings(state_dir=Path(sys.argv[1])))
from local_aws.runtime import engine, processes
from local_aws.runtime.engine import cleanup, run
from local_aws.runtime.engine.build import Image
engine.prepare()
image = Image(engine=engine.chosen(), uri="", tag="localhost/sagemaker-workflow/trainer:1",
              folder=Path("/"), context_hash="1", base=None)
container = run.start(image, name="job", mounts=[], environment={},
    environment_file=Path(sys.argv[1]) / "environment", entrypoint=None, arguments=[],
    network="host", on_line=lambda line: None)
while not container.tail():
    pass
print("up", flush=True)
signal.pause()
"""


def test_containers_do_not_outlive_a_server_that_is_killed(
    podman: FakeEngine, add: Any, image: Any, tmp_path: Path, eventually: Any
) -> None:
    add("trainer", SLEEP)
    subprocess.run(
        ["podman", "build", "--tag", "localhost/sagemaker-workflow/trainer:1",
         str(image.root / "containers/trainer")],
        check=True,
    )  # fmt: skip
    state = tmp_path / "owner"
    state.mkdir()
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(state)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[4],
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"up\n"
    (pid,) = podman.containers().values()
    owner.kill()
    owner.wait()
    owner.stdout.close()
    eventually(lambda: not podman.containers())
    eventually(lambda: not alive(pid))


# ---- whole jobs and endpoints


def train(uri: str, stop: threading.Event | None = None) -> TrainingOutcome:
    job = {
        "TrainingJobName": "job-1",
        "TrainingJobArn": "arn:aws:sagemaker:us-east-1:222233334444:training-job/job-1",
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": uri, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://artifacts/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "HyperParameters": {"program": "/opt/ml/code/train.py"},
    }
    return run_training_job(job, update=lambda **_: None, stop=stop or threading.Event())


TRAINER = """
    import json, os, pathlib, sys
    assert sys.argv[1:] == ["train"], sys.argv
    source = json.loads(os.environ["MOUNTS"])[0].split("source=")[1].split(",")[0]
    base = pathlib.Path(source)
    told = json.loads((base / "input/config/hyperparameters.json").read_text())
    (base / "model/model.txt").write_text(told["program"])
"""


def test_a_training_job_under_the_engine_uploads_its_model(
    podman: FakeEngine, add: Any, aws: Any
) -> None:
    outcome = train(add("trainer", TRAINER))
    assert outcome.status == "Completed", outcome.failure_reason
    assert outcome.model_artifacts in aws.objects
    ((_, lines),) = aws.logs.items()
    assert lines[0] == "STEP 1: building trainer"


def test_a_paths_place_is_the_containers_own(podman: FakeEngine, add: Any) -> None:
    """A hyperparameter that names /opt/ml is what the request says."""
    script = TRAINER + '    assert told["program"] == "/opt/ml/code/train.py", told\n'
    assert train(add("trainer", script)).status == "Completed"


def test_a_failed_builds_last_lines_are_the_failure_reason(
    podman: FakeEngine, aws: Any, image: Any, add: Any
) -> None:
    uri = add("trainer", TRAINER)
    folder = image.root / "containers/trainer"
    (folder / "broken").touch()
    aws.images["flights/trainer:1"][images.ANNOTATION_HASH] = build_context_hash(folder)
    outcome = train(uri)
    assert outcome.status == "Failed"
    assert "could not be built from containers/trainer" in str(outcome.failure_reason)
    assert str(outcome.failure_reason).endswith("error: no such package")


def test_a_job_that_is_stopped_while_its_image_is_built_is_stopped(
    podman: FakeEngine, add: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    monkeypatch.setattr(engine.build, "arguments", lambda image: ["sleep", "60"])
    threading.Timer(0.5, stop.set).start()
    assert train(add("trainer", TRAINER), stop).status == "Stopped"


def test_an_endpoint_under_the_engine_answers_and_leaves_nothing(
    podman: FakeEngine, server: Any, aws: Any, image: Any
) -> None:
    uri = server()
    folder = image.root / "containers/server"
    (folder / "Dockerfile").touch()
    aws.images["flights/server:1"][images.ANNOTATION_HASH] = build_context_hash(folder)
    variant = Variant(
        VariantSpec(
            endpoint_name="e",
            variant_name="primary",
            container=ContainerSpec(
                image=uri,
                model_data_url=None,
                model_data_source=None,
                environment={},
                role_arn=ROLE,
            ),
            kind="instance",
            instance_type="ml.m5.large",
            count=2,
            memory_mb=None,
            max_concurrency=None,
            startup_timeout_seconds=60,
        )
    )
    variant.start(threading.Event())
    try:
        answer = variant.invoke(b"abc", {"content-type": "text/csv"})
        assert answer.body == b"ABC"
        assert len(podman.containers()) == 2
    finally:
        variant.stop()
    assert podman.containers() == {}
    assert len(podman.calls("build")) == 1
