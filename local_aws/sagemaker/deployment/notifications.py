"""The probe an asynchronous endpoint sends to its topics before it is ready (contracts.md 5.3)."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local_aws import adapter
from local_aws.runtime.containers import RuntimeFailure

_PROBE = json.dumps(
    {"eventVersion": "1.0", "eventSource": "aws:sagemaker", "eventName": "TestNotification"}
)


def probe(config: Mapping[str, Any], role_arn: str) -> None:
    """Both topics took a test message from the role; RuntimeFailure when one did not."""
    output = config.get("AsyncInferenceConfig", {}).get("OutputConfig", {})
    topics = output.get("NotificationConfig", {})
    wanted = [topics[kind] for kind in ("SuccessTopic", "ErrorTopic") if topics.get(kind)]
    if not wanted:
        return
    sns = adapter.client("sns", role_arn=role_arn)
    for topic in wanted:
        try:
            sns.publish(TopicArn=topic, Message=_PROBE)
        except ClientError as fault:
            raise RuntimeFailure(
                f"Unable to publish to the SNS topic {topic}. Please ensure that the topic exists "
                f'and that the role "{role_arn}" has "sns:Publish" permissions on it. '
                f"({fault.response['Error']['Code']})"
            ) from fault
