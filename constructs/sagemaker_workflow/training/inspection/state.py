"""The state of `PreprocessAndTrain` that inspects a model, between training and registering it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sagemaker_workflow.retries import retry_function
from sagemaker_workflow.state_machine import fails

INSPECT = "Inspect the model"
TIMEOUT_SECONDS = 900  # Lambda's longest
_TURNS = 24  # two hours: the function reads few models at once
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
        "Retry": retry_function(turns=_TURNS),
        "Catch": [fails("Tell")],
        "Next": then,
    }
