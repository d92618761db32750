"""Mutated bodies, many in a batch: `decode_nonsense.py <base folder> <seeds' folder> <how many>`.

Runs in the server's own environment. Ends with 1 at the first that is neither answered nor refused.
"""

import random
import sys
from collections import Counter
from pathlib import Path

from decoders import KINDS, Decoders, request_of

from inference_server.errors import RequestError
from inference_server.models.base import Answer

PIECES = [
    b"\x00",
    b"\xff",
    b",",
    b"\n",
    b'"',
    b"[",
    b"{",
    b"1e999",
    b"-",
    b"nan",
    b"_",
    b"\xc2\x85",
]


def mutated(seed: bytes, dice: random.Random) -> bytes:
    """The seed with a few bytes put in, taken out or doubled, or none."""
    head, body = seed[:2], seed[2:]
    for _ in range(dice.choice((0, 1, 1, 2))):
        at = dice.randint(0, len(body))
        kind = dice.random()
        if kind < 0.5:
            body = body[:at] + dice.choice(PIECES) + body[at + dice.randint(0, 2) :]
        elif kind < 0.8:
            body = body[:at] + dice.randbytes(dice.randint(1, 3)) + body[at + 1 :]
        else:
            body = body[:at] + body[max(0, at - 5) :]
    return head + body


def main(base: str, folder: str, number: int) -> int:
    decoders = Decoders(base)
    seeds = [path.read_bytes() for path in sorted(Path(folder).iterdir())]
    dice = random.Random(17)  # noqa: S311  nonsense, not secrets
    counts: Counter[str] = Counter()
    for start in range(0, number, 20):
        some = [mutated(dice.choice(seeds), dice) for _ in range(min(20, number - start))]
        for seed in some:
            if seed[0] >= len(KINDS):
                counts["answered" if decoders.answered(seed) else "refused"] += 1
        requests = [request_of(seed) for seed in some if seed[0] < len(KINDS)]
        for request, outcome in zip(requests, decoders.model.answer_many(requests), strict=True):
            if isinstance(outcome, Answer):
                counts["answered"] += 1
            elif isinstance(outcome, RequestError):
                counts["refused"] += 1
            else:
                sys.stdout.write(f"{outcome!r} for {request.body!r}\n")
                return 1
    said = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    sys.stdout.write(f"readers: {number} bodies, {said}, 0 anything else\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
