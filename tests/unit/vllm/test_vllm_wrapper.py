"""What the vLLM image makes of SM_VLLM_*, signals and secrets (contracts 11.2)."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vllm.arguments import command_line, model_of
from vllm.errors import WrapperError

ARN = "arn:aws:secretsmanager:us-east-1:222233334444:secret:hub-token-AbCdEf"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def words(folder: Path, **variables: str) -> list[str]:
    return command_line(variables, port=8080, model_folder=folder)


def test_flags_come_sorted_after_the_model_and_the_port(weights: Path) -> None:
    found = words(weights, SM_VLLM_MAX_MODEL_LEN="2048", SM_VLLM_DTYPE="bfloat16", PATH="/bin")
    assert found == [
        "serve", str(weights), "--port", "8080", "--dtype", "bfloat16", "--max-model-len", "2048",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        ("true", ["--x-y"]),
        ("True", ["--x-y"]),
        ("", ["--x-y"]),
        ("false", []),
        ('["a", 1]', ["--x-y", "a", "1"]),
        ('{"a": 1}', ["--x-y", '{"a": 1}']),
        ("truely", ["--x-y", "truely"]),
    ],
)
def test_a_value_is_a_flag_nothing_a_list_or_one_word(
    weights: Path, value: str, flags: list[str]
) -> None:
    assert words(weights, SM_VLLM_X_Y=value)[4:] == flags


def test_a_list_of_origins_stays_one_word(weights: Path) -> None:
    assert words(weights, SM_VLLM_ALLOWED_ORIGINS='["a", "b"]')[4:] == [
        "--allowed-origins",
        '["a", "b"]',
    ]


def test_the_model_is_the_one_named_then_the_folder_then_the_hubs(
    weights: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    named = {"SM_VLLM_MODEL": "a/b", "HF_MODEL_ID": "c/d"}
    assert model_of(named, weights) == "a/b"
    assert model_of({"HF_MODEL_ID": "c/d"}, weights) == str(weights)
    assert model_of({"HF_MODEL_ID": "c/d"}, empty) == "c/d"


def test_refuses_with_every_fault_at_once(tmp_path: Path) -> None:
    with pytest.raises(WrapperError) as refused:
        words(tmp_path / "none", SM_VLLM_PORT="80", SM_VLLM_LIST="[1", SM_VLLM_lower="x")
    assert str(refused.value).split("\n  ") == [
        "SM_VLLM_LIST is '[1', which starts like JSON and is none (Expecting ',' delimiter: line 1"
        " column 3 (char 2)): correct it",
        "SM_VLLM_PORT is '80', allowed is 8080, where SageMaker connects: leave it out",
        "SM_VLLM_lower is no flag, allowed is SM_VLLM_ and the flag in capitals with underscores,"
        " like SM_VLLM_MAX_MODEL_LEN: rename it",
        f"there is no model: {tmp_path / 'none'} is empty and neither SM_VLLM_MODEL nor HF_MODEL_ID"
        " is set: put weights under the model's S3 prefix, or name a model of the hub",
    ]


def test_the_server_takes_the_wrappers_place_and_gets_sigterm(start: Any) -> None:
    wrapped = start(SM_VLLM_ENABLE_PREFIX_CACHING="true").wait()
    given = wrapped.get("/started-with")
    assert given["argv"][0] == "serve"
    assert given["argv"][-1] == "--enable-prefix-caching"
    code, said = wrapped.stop()
    assert code == 0
    assert said.endswith("stub vllm: drained\n")


def test_nothing_of_the_wrapper_reaches_the_server(start: Any) -> None:
    """Its own package called vllm would otherwise be hidden by ours."""
    given = start(SM_VLLM_DTYPE="float16", KEPT="yes").wait().get("/started-with")
    environment = given["environment"]
    assert given["vllm"] is None
    assert environment["KEPT"] == "yes"
    assert not {"PYTHONPATH", "VIRTUAL_ENV", "SM_VLLM_DTYPE"} & environment.keys()
    assert ".venvs/vllm" not in environment["PATH"]
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["VLLM_NO_USAGE_STATS"] == "1"


def test_answers_and_streams_server_sent_events(start: Any) -> None:
    wrapped = start().wait()
    whole = json.loads(wrapped.post({"prompt": "a b"}))
    assert whole == {"choices": [{"text": "a b"}]}
    lines = wrapped.post({"prompt": "a b", "stream": True}).decode().split("\n\n")
    assert lines == [
        'data: {"choices": [{"text": "a"}]}',
        'data: {"choices": [{"text": "b"}]}',
        "data: [DONE]",
        "",
    ]


def test_refuses_another_argument_than_serve(start: Any) -> None:
    assert start("train").end() == (
        2,
        "vllm: argument is train, allowed is serve: this image only serves\n",
    )


def test_says_when_the_base_image_has_no_vllm(start: Any) -> None:
    code, said = start(VLLM_EXECUTABLE="no-such-vllm").end()
    assert code == 2
    assert said == (
        "vllm: there is no program 'no-such-vllm' on the PATH: build the image on one that has"
        " vLLM, or set VLLM_EXECUTABLE\n"
    )


class Secrets(http.server.BaseHTTPRequestHandler):
    """Secrets Manager's one operation, as botocore's model has it."""

    value = "hf_abc"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert asked == {"SecretId": ARN}
        body = json.dumps({"ARN": ARN, "Name": "hub-token", "SecretString": self.value}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def secrets() -> Iterator[dict[str, str]]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Secrets)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "222233334444",
        "AWS_SECRET_ACCESS_KEY": "local",
        "HF_TOKEN_SECRET_ARN": ARN,
    }
    server.shutdown()


def test_the_hubs_token_is_read_at_start_and_given_to_the_server_only(
    start: Any, secrets: dict[str, str]
) -> None:
    given = start(weights=False, SM_VLLM_MODEL="org/model", **secrets).wait().get("/started-with")
    assert given["environment"]["HF_TOKEN"] == "hf_abc"
    assert "HF_TOKEN_SECRET_ARN" not in given["environment"]
    assert "HF_HUB_OFFLINE" not in given["environment"]
    assert given["argv"][1] == "org/model"


def test_refuses_a_secret_that_is_no_plain_token(
    start: Any, secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Secrets, "value", '{"token": "hf_abc"}')
    code, said = start(**secrets).end()
    assert (code, said) == (
        2,
        f"vllm: the secret {ARN} holds JSON, allowed is the token alone as text: store it as plain"
        " text\n",
    )


def test_names_the_secret_that_cannot_be_read(start: Any) -> None:
    code, said = start(HF_TOKEN_SECRET_ARN=ARN).end()
    assert code == 2
    assert said == (
        f"vllm: the token in {ARN} cannot be read: Unable to locate credentials: let the model's"
        " role read this secret, and make the model without network isolation\n"
    )


def test_refuses_an_arn_that_is_none(start: Any) -> None:
    assert start(HF_TOKEN_SECRET_ARN="hub-token").end() == (
        2,
        "vllm: HF_TOKEN_SECRET_ARN is 'hub-token', allowed is"
        " arn:aws:secretsmanager:<region>:<account>:secret:<name>: copy it from the secret\n",
    )
