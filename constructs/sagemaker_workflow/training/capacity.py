"""What `PreprocessAndTrain` does when a training job could not be had, or was there already."""

from __future__ import annotations

from typing import Any

from sagemaker_workflow.retries import retry
from sagemaker_workflow.state_machine import fails

# Waits for capacity: up to 2, 4, 8 ... minutes, never more than an hour, 10 of them: 5 hours at
# the most. Capacity comes back in hours, and a quota is free again when another job ends.
ATTEMPTS = 10
_FIRST_SECONDS = 120
_LONGEST_SECONDS = 3600
WAIT_SECONDS = sum(min(_LONGEST_SECONDS, _FIRST_SECONDS * 2**n) for n in range(ATTEMPTS))
_POLL_SECONDS = 60

# The attempt is in the name: a name may be used once, also by a job that got no instance.
JOB_NAME = "{% $attempt = 0 ? $job : $job & '-' & $string($attempt) %}"
# How a job is known to be this execution's own when its name turns out to be taken.
EXECUTION = "WORKFLOW_EXECUTION"

# A quota refuses the request; a lack of machines fails the job (SageMaker API Reference,
# CreateTrainingJob, ResourceLimitExceeded; FailureReason "CapacityError: ...").
_NO_CAPACITY = (
    "$states.input.error = 'SageMaker.ResourceLimitExceededException'"
    " or $contains($states.input.cause, 'CapacityError')"
    " or $contains($states.input.cause, 'ResourceLimitExceeded')"
)
_NAME_TAKEN = "$contains($states.input.cause, 'ResourceInUse')"
_OURS = (
    "$exists($states.input.Environment." + EXECUTION + ")"
    " and $states.input.Environment." + EXECUTION + " = $states.context.Execution.Id"
)


def recovery_states(*, train: str, then: str) -> dict[str, Any]:
    """States for a failed `train`: wait and go back to it, leave it to another execution, or tell.

    Entered at "Why was there no model?" with {"error", "cause", "request"}. A job of this execution
    whose answer was lost is followed to its end, and its result goes to `then`.
    """
    return {
        "Why was there no model?": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": f"{{% ({_NO_CAPACITY}) and $attempt < {ATTEMPTS} %}}",
                    "Next": "Wait for capacity",
                },
                {"Condition": f"{{% {_NAME_TAKEN} %}}", "Next": "Whose job is it?"},
            ],
            "Default": "Tell",
        },
        "Wait for capacity": {
            "Type": "Wait",
            # Full jitter: jobs that were refused together do not come back together.
            "Seconds": "{% $ceil($random() * $min(["
            f"{_LONGEST_SECONDS}, {_FIRST_SECONDS} * $power(2, $attempt)])) %}}",
            "Next": "Take another name",
        },
        "Take another name": {
            "Type": "Pass",
            "Assign": {"attempt": "{% $attempt + 1 %}"},
            "Next": train,
        },
        "Whose job is it?": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sagemaker:describeTrainingJob",
            "Arguments": {"TrainingJobName": JOB_NAME},
            "Output": "{% $states.result %}",
            "Retry": [retry("States.TaskFailed")],
            "Catch": [fails("Tell")],
            "Next": "Is it ours?",
        },
        "Is it ours?": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": f"{{% $not({_OURS}) %}}",
                    "Output": {
                        "status": "unchanged: another execution trains on this event already",
                        "training_job": "{% $states.input.TrainingJobName %}",
                        "manifest": "{% $manifest %}",
                    },
                    "Next": "Unchanged",
                },
                {
                    "Condition": "{% $states.input.TrainingJobStatus = 'Completed' %}",
                    "Output": result_of("$states.input"),
                    "Next": then,
                },
                {
                    "Condition": "{% $states.input.TrainingJobStatus in"
                    " ['InProgress', 'Stopping'] %}",
                    "Next": "Wait for our job",
                },
            ],
            "Default": "Its job failed",
        },
        "Wait for our job": {
            "Type": "Wait",
            "Seconds": _POLL_SECONDS,
            "Next": "Whose job is it?",
        },
        "Its job failed": {
            "Type": "Pass",
            "Output": {
                "error": "States.TaskFailed",
                "cause": "{% $exists($states.input.FailureReason) ? $states.input.FailureReason"
                " : 'the training job is ' & $states.input.TrainingJobStatus %}",
                "request": {"training_job": "{% $states.input.TrainingJobName %}"},
            },
            "Next": "Why was there no model?",
        },
        "Unchanged": {"Type": "Succeed"},
    }


def result_of(described: str) -> dict[str, Any]:
    """What the rest of the machine needs of a described training job (a JSONata path)."""
    return {
        "training_job": f"{{% {described}.TrainingJobName %}}",
        "model_data": f"{{% {described}.ModelArtifacts.S3ModelArtifacts %}}",
        "metrics": f"{{% $merge([{{}}, {described}.FinalMetricDataList.{{"
        " MetricName: $string(Value) }]) %}",
    }
