"""Bodies that go where none went before: `decode_coverage.py <base folder> <libFuzzer's words>`.

Runs in an environment of requirements-atheris.txt. Ends with other than 0 at the first that is
neither answered nor refused, and leaves it as a file.
"""

import sys

import atheris

INSTRUMENTED = atheris.instrument_imports(include=["inference_server"])
with INSTRUMENTED:
    from decoders import Decoders


def main(base: str, words: list[str]) -> None:
    with INSTRUMENTED:  # a model brings its own modules
        decoders = Decoders(base)

    def one(seed: bytes) -> None:
        if len(seed) > 2:
            decoders.answered(seed)

    atheris.Setup([sys.argv[0], *words], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
