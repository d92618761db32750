"""`python -m vllm serve`: what SageMaker runs; from here on the process is vLLM's server.

The server takes the wrapper's place (exec, no shell, no child), so SIGTERM reaches it and its
exit code is the container's.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from vllm.arguments import command_line
from vllm.environment import of_server
from vllm.errors import WrapperError
from vllm.secret import read_token

PORT = 8080


def main(arguments: list[str]) -> int:
    """Does not return once the server runs; 2 with a sentence on stderr when it cannot."""
    try:
        if arguments != ["serve"]:
            raise WrapperError(
                f"argument is {' '.join(arguments) or 'missing'}, allowed is serve: this image "
                "only serves"
            )
        program, words, environment = _prepared(dict(os.environ))
    except WrapperError as fault:
        sys.stderr.write(f"vllm: {fault}\n")
        return 2
    sys.stderr.write(f"vllm: starting {' '.join(words)}\n")
    sys.stderr.flush()
    os.execve(program, words, environment)  # noqa: S606 no shell: signals must reach the server


def _prepared(environment: dict[str, str]) -> tuple[str, list[str], dict[str, str]]:
    base = Path(environment.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    port = environment.get("SAGEMAKER_BIND_TO_PORT", str(PORT))
    if not port.isdigit():
        raise WrapperError(f"SAGEMAKER_BIND_TO_PORT is {port!r}, allowed is a number: correct it")
    words = command_line(environment, port=int(port), model_folder=base / "model")
    inherited = of_server(environment, words[1], wrapper=Path(sys.prefix), read_token=read_token)
    name = environment.get("VLLM_EXECUTABLE", "vllm")
    program = shutil.which(name, path=inherited["PATH"])
    if program is None:
        raise WrapperError(
            f"there is no program {name!r} on the PATH: build the image on one that has vLLM, or "
            "set VLLM_EXECUTABLE"
        )
    return program, [program, *words], inherited


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
