"""The state of `PreprocessAndTrain` that inspects a model, between training and registering it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sagemaker_workflow.state_machine import JITTER, LAMBDA_BUSY, LAMBDA_FAULTS, fails

INSPECT = "Inspect the model"
TIMEOUT_SECONDS = 900  # Lambda's longest
# The function reads few models at once (its reserved concurrency); the others wait their turn
# here. With full jitter a wait is five minutes on average: two hours.
_TURNS = {"MaxAttempts": 24, **JITTER, "IntervalSeconds": 30, "MaxDelaySeconds": 600}
# Its turn, then two more attempts after the first, and the waits between them.
WAIT_SECONDS = 2 * 3600 + 3 * TIMEOUT_SECONDS + 300


def inspect_state(*, trusted_pickles: Sequence[str], then: str) -> dict[str, Any]:
    """The state, with `${InspectModel}` left open; it adds `inspected` to its input.

    An archive that must not be loaded ends the execution as `ModelRefused` with the function's
    words, and nothing is registered.
    """
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "TimeoutSeconds": TIMEOUT_SECONDS,
        "Arguments": {
            "FunctionName": "${InspectModel}",
            "Payload": {
                "uri": "{% $states.input.model_data %}",
                "trusted_pickles": list(trusted_pickles),
            },
        },
        "Output": "{% $merge([$states.input, { 'inspected': $states.result.Payload }]) %}",
        "Retry": [
            {"ErrorEquals": LAMBDA_FAULTS, "MaxAttempts": 2, **JITTER},
            {"ErrorEquals": LAMBDA_BUSY, **_TURNS},
        ],
        "Catch": [fails("Tell")],
        "Next": then,
    }
