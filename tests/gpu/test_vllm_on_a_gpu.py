"""Our vLLM image's entrypoint with vLLM itself and a tiny random model: `make test-gpu`."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.ports import free_port
from support.training_job import ROOT

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(900)]
STARTS_IN_SECONDS = 600  # vLLM is imported, and compiles kernels the first time
WORDS = ["<s>", "</s>", "<unk>", "a", "the", "cat", "dog", "sat", "ran", "on", "under", "mat"]
MAKE = """
import sys
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed
folder, words = sys.argv[1], sys.argv[2:]
tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(words)}, unk_token="<unk>"))
tokenizer.pre_tokenizer = Whitespace()
PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>",
                        unk_token="<unk>").save_pretrained(folder)
set_seed(1)
# 64 numbers a head: what every attention kernel can do.
config = LlamaConfig(vocab_size=len(words), hidden_size=128, intermediate_size=256,
                     num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
                     max_position_embeddings=256, bos_token_id=0, eos_token_id=1)
LlamaForCausalLM(config).save_pretrained(folder)
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, vllm_program: Path) -> Iterator[int]:
    """Where the entrypoint serves; it has ended well after SIGTERM when the tests are over."""
    base, number = tmp_path_factory.mktemp("ml"), free_port()
    (base / "model").mkdir()
    python = vllm_program.with_name("python")
    subprocess.run([python, "-c", MAKE, base / "model", *WORDS], check=True, timeout=300)
    with (base / "log").open("wb") as log:
        process = subprocess.Popen(
            [ROOT / ".venvs/vllm/bin/python", "-m", "vllm", "serve"],
            env={
                "PATH": f"{vllm_program.parent}:/usr/local/bin:/usr/bin:/bin",
                "HOME": str(base),
                "PYTHONPATH": str(ROOT / "containers"),
                "VIRTUAL_ENV": str(ROOT / ".venvs/vllm"),
                "VLLM_EXECUTABLE": str(vllm_program),
                "SAGEMAKER_BASE_DIR": str(base),
                "SAGEMAKER_BIND_TO_PORT": str(number),
                "HF_HUB_OFFLINE": "1",
                "SM_VLLM_MAX_MODEL_LEN": "128",
                "SM_VLLM_GPU_MEMORY_UTILIZATION": "0.3",
                "SM_VLLM_ENFORCE_EAGER": "true",
            },
            stdout=log,
            stderr=log,
        )
    try:
        until = time.monotonic() + STARTS_IN_SECONDS
        while ping(number) != 200:
            said = (base / "log").read_text(errors="replace")[-3000:]
            assert process.poll() is None, f"the server ended: {said}"
            assert time.monotonic() < until, f"no 200 on /ping: {said}"
            time.sleep(1)
        yield number
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def ping(port: int) -> int | None:
    with suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/ping")
        return connection.getresponse().status
    return None


def invoke(port: int, **words: object) -> tuple[str, bytes]:
    """Content type and body of the answer to a prompt, drawn without chance."""
    body = {"prompt": "the cat sat", "max_tokens": 8, "temperature": 0, "ignore_eos": True, **words}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(
        "POST", "/invocations", json.dumps(body), {"Content-Type": "application/json"}
    )
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, content
    return answer.headers["Content-Type"], content


def test_a_prompt_is_answered_at_once_or_token_by_token_with_the_same_text(port: int) -> None:
    kind, body = invoke(port)
    whole = json.loads(body)
    assert kind.startswith("application/json")
    assert whole["usage"]["completion_tokens"] == 8
    kind, body = invoke(port, stream=True)
    assert kind.startswith("text/event-stream")
    events = [part.removeprefix("data: ") for part in body.decode().split("\n\n") if part]
    assert events[-1] == "[DONE]"
    pieces = [json.loads(event)["choices"][0]["text"] for event in events[:-1]]
    assert len(pieces) > 1
    assert "".join(pieces) == whole["choices"][0]["text"]
