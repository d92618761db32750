"""What a state tries again, and how often."""

from __future__ import annotations

from typing import Any

SQS_FAULTS = ["SQS.SqsException", "SQS.AmazonSQSException", "SQS.KmsThrottlingException"]
SNS_FAULTS = ["SNS.SnsException", "SNS.ThrottledException", "SNS.KmsThrottlingException"]
# What Step Functions names the transient faults of a Lambda invocation: Step Functions Developer
# Guide, "Handle transient Lambda service exceptions".
_LAMBDA_FAULTS = [
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
]


def retry(
    *errors: str, attempts: int = 3, first_seconds: int = 2, longest_seconds: int = 60
) -> dict[str, Any]:
    """A Retry: after any of `errors` there are so many more attempts.

    Full jitter spreads those of executions that failed together (controls, OWN-SFN-02).
    """
    return {
        "ErrorEquals": list(errors),
        "MaxAttempts": attempts,
        "IntervalSeconds": first_seconds,
        "BackoffRate": 2,
        "MaxDelaySeconds": longest_seconds,
        "JitterStrategy": "FULL",
    }


def retry_function(*, turns: int) -> list[dict[str, Any]]:
    """The Retries of a function that does little at once (its reserved concurrency).

    What it has no room for waits its turn, `turns` times five minutes on average (full jitter).
    """
    return [
        retry(*_LAMBDA_FAULTS, attempts=2),
        retry(
            "Lambda.TooManyRequestsException", attempts=turns, first_seconds=30, longest_seconds=600
        ),
    ]
