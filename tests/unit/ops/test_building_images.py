"""`python -m ops.build_images`, with an engine that writes down how it was called."""

from __future__ import annotations

from pathlib import Path
from subprocess import CalledProcessError

import pytest

from local_aws.runtime.engine import build as engine_build
from local_aws.runtime.engine.choice import Engine
from ops import build_images
from sagemaker_workflow.build_context import BuildContext

DIGEST = f"sha256:{'2' * 64}"
# `image inspect` fails until something was built; what runs weighs 2.5 MB.
ENGINE = """#!/bin/sh
echo "$@" >> "$0.calls"
case "$1 $2" in
  "image inspect") test -e "$0.built" && echo 5000000;;
  "build --tag") test ! -e "$0.broken" && touch "$0.built";;
  run*) echo 2500000;;
esac
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bin" / "docker"
    path.parent.mkdir()
    path.write_text(ENGINE)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


def builds(engine: Path) -> list[str]:
    calls = engine.with_name("docker.calls").read_text().splitlines()
    return [one for one in calls if one.startswith("build ")]


def test_an_image_is_tagged_with_the_hash_of_its_folder_and_weighed_in_millions_of_bytes(
    engine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    build_images.main(["--engine", "docker", "trainer"])
    content = BuildContext.read(build_images.ROOT / "containers" / "trainer").hash
    tag = f"localhost/sagemaker-workflow/trainer:{content}"
    assert capfd.readouterr().out == f"{tag}: 5 MB, site-packages 2.5 MB\n"
    assert f"--tag {tag} --build-arg REVISION={content}" in builds(engine)[0]


def test_an_image_that_is_there_is_not_built_again(engine: Path) -> None:
    engine.with_name("docker.built").touch()
    build_images.main(["--engine", "docker", "trainer"])
    assert builds(engine) == []


def test_all_but_the_large_ones_are_built_when_none_is_named(engine: Path) -> None:
    build_images.main(["--engine", "docker", "--base", f"python@{DIGEST}"])
    calls = engine.with_name("docker.calls").read_text()
    assert "/trainer:" in calls
    assert "/inference_server:" in calls
    assert not [name for name in build_images.LARGE if f"/{name}:" in calls]


@pytest.mark.parametrize(
    ("base", "said", "not_said"),
    [
        (f"python@{DIGEST}", f"BASE=python@{DIGEST} --build-arg BASE_DIGEST={DIGEST}", "unresol"),
        ("python:3.11", "--build-arg BASE=python:3.11", "BASE_DIGEST"),
    ],
)
def test_the_label_gets_the_bases_digest_where_one_is_given(
    engine: Path, base: str, said: str, not_said: str
) -> None:
    build_images.main(["--engine", "docker", "--base", base, "trainer"])
    assert said in builds(engine)[0]
    assert not_said not in builds(engine)[0]


def test_another_base_platform_or_option_is_another_image_of_the_same_content(
    engine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = [
        [],
        ["--base", "python:3.12"],
        ["--platform", "linux/arm64"],
        ["torch_trainer", "--", "--build-arg", "VARIANT=cpu"],
        ["torch_trainer", "--", "--build-arg", "VARIANT=gpu"],
    ]
    for words in asked:
        engine.with_name("docker.built").unlink(missing_ok=True)
        own = [] if "torch_trainer" in words else ["trainer"]
        build_images.main(["--engine", "docker", *own, *words])
    tags = [line.partition(": ")[0] for line in capfd.readouterr().out.splitlines()]
    assert len(set(tags)) == len(asked)
    assert "--platform linux/arm64" in builds(engine)[2]
    assert "--network host --build-arg VARIANT=cpu" in builds(engine)[3]


def test_the_local_aws_finds_an_image_that_was_built_on_the_same_base(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = build_images.ROOT / "containers" / "trainer"
    context = BuildContext.read(folder)
    docker = Engine(name="docker", program="docker", root=False, runc=False)
    for base in ("localhost/base:1", ""):
        monkeypatch.setenv("LOCAL_AWS_ENGINE_BASE", base)
        found = engine_build.image(docker, "uri", folder, context.hash)
        assert found.tag == build_images.tag_of(context, base or None, None, [])


def test_a_failed_build_is_one_sentence(engine: Path) -> None:
    engine.with_name("docker.broken").touch()
    with pytest.raises(SystemExit) as ended:
        build_images.main(["--engine", "docker", "trainer"])
    assert ended.value.code == "containers/trainer: docker ended with 1"
    assert isinstance(ended.value.__context__, CalledProcessError)


def test_a_container_that_is_none_is_refused_with_those_there_are(
    engine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        build_images.main(["--engine", "docker", "trainr"])
    said = "no such container: trainr; there are: inference_server, torch_trainer, trainer, vllm"
    assert said in capsys.readouterr().err


def test_an_engine_that_is_not_installed_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit):
        build_images.main(["--engine", "podman"])
    assert "there is no podman on the PATH" in capsys.readouterr().err
