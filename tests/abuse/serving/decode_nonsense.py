"""Mutated bodies for a model in this process: `decode_nonsense.py <base folder> <how many>`.

Runs in the server's own environment. Ends with 1 at the first that is neither answered nor refused.
"""

import random
import sys
from collections import Counter

from inference_server.errors import RequestError
from inference_server.models.base import Answer, Request
from inference_server.models.load import load
from inference_server.settings import read_settings

SEEDS = [
    ("text/csv", b"UA,1.5,3,true\nAA,,12,no\n"),
    ("text/csv", b"UA,1.5,3,true"),
    ("application/json", b'{"instances":[{"carrier":"UA","distance":1.5},["AA",1,2,true]]}'),
    ("application/jsonlines", b'{"carrier":"UA","month":3}\n["AA",1,2,null]\n'),
    (
        "application/x-npy",
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }".ljust(117)
        + b"\n"
        + bytes(16),
    ),
]
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


def mutated(body: bytes, dice: random.Random) -> bytes:
    """The body with a few bytes put in, taken out or doubled, or none."""
    for _ in range(dice.choice((0, 1, 1, 2))):
        at = dice.randint(0, len(body))
        kind = dice.random()
        if kind < 0.5:
            body = body[:at] + dice.choice(PIECES) + body[at + dice.randint(0, 2) :]
        elif kind < 0.8:
            body = body[:at] + dice.randbytes(dice.randint(1, 3)) + body[at + 1 :]
        else:
            body = body[:at] + body[max(0, at - 5) :]
    return body


def main(base: str, number: int) -> int:
    model = load(read_settings({"SAGEMAKER_BASE_DIR": base}))
    dice = random.Random(17)  # noqa: S311  nonsense, not secrets
    counts: Counter[str] = Counter()
    for start in range(0, number, 20):
        requests = []
        for _ in range(min(20, number - start)):
            kind, body = dice.choice(SEEDS)
            headers = {"content-type": kind, "accept": "application/json"}
            requests.append(Request(mutated(body, dice), headers))
        for request, outcome in zip(requests, model.answer_many(requests), strict=True):
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
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
