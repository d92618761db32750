"""Images as the local ECR holds them, and how commands end."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.aws_fakes import Paginated, refused

from ops import __main__ as ops
from ops import aws, registry
from ops.commands import local as local_commands
from ops.errors import OpsError
from ops.local import infrastructure, server, up
from ops.local.context import Run
from ops.local.paths import paths
from ops.settings import Deployment
from ops.ui import Screen
from sagemaker_workflow.build_context import build_context_hash


@pytest.fixture
def container(tmp_path: Path) -> Path:
    folder = tmp_path / "containers/trainer"
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text(
        'FROM python:3.11\n# comment\nENTRYPOINT ["python", "-m", "trainer"]\n'
    )
    return folder


@pytest.fixture
def ecr(services: dict[str, Any], container: Path) -> list[dict[str, Any]]:
    """What has been put into the registry; the workflow wants the folder as it is."""
    put: list[dict[str, Any]] = []
    tag = build_context_hash(container)
    uri = f"1.dkr.ecr.us-east-1.amazonaws.com/shop-dev/trainer:{tag}"
    services["ssm"] = Paginated(
        get_parameters_by_path=lambda Path: {  # noqa: N803
            "Parameters": [{"Name": f"{Path}/trainer", "Value": uri}]
        }
    )
    services["ecr"] = SimpleNamespace(put_image=lambda **image: put.append(image))
    return put


def test_a_pushed_image_names_its_folder_entrypoint_and_hash(
    ecr: list[dict[str, Any]], deployment: Deployment, container: Path, tmp_path: Path
) -> None:
    registry.push_local(deployment, root=tmp_path)
    (image,) = ecr
    assert image["repositoryName"] == "shop-dev/trainer"
    assert json.loads(image["imageManifest"])["annotations"] == {
        "sagemaker-workflow.container": "trainer",
        "sagemaker-workflow.entrypoint": '["python","-m","trainer"]',
        "sagemaker-workflow.context-hash": build_context_hash(container),
    }


def test_an_image_that_is_there_already_is_no_failure(
    ecr: list[dict[str, Any]], services: dict[str, Any], deployment: Deployment, tmp_path: Path
) -> None:
    def put_image(**_: object) -> None:
        raise refused("ImageTagAlreadyExistsException", "immutable")

    services["ecr"] = SimpleNamespace(put_image=put_image)
    said: list[str] = []
    registry.push_local(deployment, root=tmp_path, say=lambda name, text: said.append(text))
    assert said[0].endswith("is there already")


def test_refuses_to_push_a_folder_that_changed_after_the_deploy(
    ecr: list[dict[str, Any]], deployment: Deployment, container: Path, tmp_path: Path
) -> None:
    (container / "fit.py").write_text("x = 1")
    with pytest.raises(OpsError, match=r"is deployed as .* but its folder is now"):
        registry.push_local(deployment, root=tmp_path)
    assert ecr == []


def test_refuses_a_dockerfile_without_an_exec_form_entrypoint(container: Path) -> None:
    (container / "Dockerfile").write_text("FROM python:3.11\nENTRYPOINT python -m trainer\n")
    with pytest.raises(OpsError, match="exec form"):
        registry.entrypoint(container)


def test_the_local_environment_never_reaches_a_real_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "running", lambda where=None: None)
    with pytest.raises(OpsError, match="no local AWS is running"):
        aws.use_local_if_meant()


def test_another_environment_uses_the_persons_own_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORKFLOW_ENV", "prod")
    monkeypatch.setattr(server, "running", lambda where=None: pytest.fail("looked for one"))
    aws.use_local_if_meant()


@pytest.mark.parametrize(
    ("raised", "code", "shown"),
    [
        (OpsError("no bucket", fix="make local", log=["l1"], log_name="/aws/x"), 1, "no bucket"),
        (refused("AccessDenied", "no", "GetObject"), 1, "AWS refuses GetObject (AccessDenied)"),
        (up.InterruptedRunError("interrupted at 'train'"), 130, "interrupted at 'train'"),
    ],
)
def test_a_failing_command_says_why_without_a_trace(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: Exception,
    code: int,
    shown: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(local_commands.server, "running", fail)
    assert ops.main(["local", "env"]) == code
    told = capsys.readouterr().err
    assert shown in told
    assert "Traceback" not in told


def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert ops.main(["invoke", "realtime"]) == 2
    assert "--data" in capsys.readouterr().err


@pytest.mark.parametrize(("env", "first"), [("local", "make invoke"), ("shop", "eval ")])
def test_suggested_commands_mean_this_aws_and_take_any_file_name(
    env: str, first: str, tmp_path: Path
) -> None:
    run = Run(
        deployment=Deployment(project="shop", env=env),
        screen=Screen(),
        where=paths(),
        sample=tmp_path / "my rows.csv",
    )
    commands = [command for command, _ in up.next_commands(run)]
    assert commands[0].startswith(first)
    assert f"make upload FILE='{tmp_path}/my rows.csv'" in commands


@pytest.mark.parametrize("given", ["0", "80000", "abc"])
def test_a_port_that_is_none_is_refused_as_wrong_usage(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ops.main(["local", "up", "--port", given]) == 2
    monkeypatch.setenv("PORT", given)
    assert ops.main(["local", "up"]) == 2


def test_an_interrupt_tells_how_to_go_on_and_leaves_a_ready_server_running(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    stopped: list[object] = []
    monkeypatch.setattr(server, "stop", lambda where: stopped.append(where))
    monkeypatch.setattr(server, "running", lambda where: None)
    run = Run(deployment=deployment, screen=Screen(), where=paths(), ready=True)

    def press(_: Run) -> None:
        with run.screen.step("cdk deploy --all"):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(up, "STAGES", (press,))
    with pytest.raises(up.InterruptedRunError, match=r"at 'cdk deploy --all'") as told:
        up.up(run)
    assert "make local-down" in str(told.value)
    assert stopped == []


def test_an_interrupt_before_the_server_is_ready_stops_it(
    monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    stopped: list[object] = []
    monkeypatch.setattr(server, "stop", lambda where: stopped.append(where))

    def press(_: Run) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(up, "STAGES", (press,))
    with pytest.raises(up.InterruptedRunError, match="it is stopped"):
        up.up(Run(deployment=deployment, screen=Screen(), where=paths()))
    assert len(stopped) == 1


@pytest.mark.parametrize(
    ("port", "enforce", "engine", "sentence"),
    [
        (9999, False, None, "not 9999"),
        (None, True, None, "without IAM"),
        (None, False, "podman", "its containers as processes"),
    ],
)
def test_a_running_server_with_other_settings_is_not_silently_reused(
    monkeypatch: pytest.MonkeyPatch,
    deployment: Deployment,
    port: int | None,
    enforce: bool,
    engine: str | None,
    sentence: str,
) -> None:
    monkeypatch.setattr(
        server, "running", lambda where: server.Server(pid=1, port=4747, enforce=False)
    )
    run = Run(deployment=deployment, screen=Screen(), where=paths(), port=port, enforce=enforce)
    run.engine = engine
    with pytest.raises(OpsError, match=sentence) as told:
        infrastructure.start_aws(run)
    assert "make local-down && make local" in (told.value.fix or "")
