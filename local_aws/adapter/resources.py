"""The ARN a call's policies are matched against, where ministack names another than AWS."""

from collections.abc import Mapping
from typing import Any

_LOG_GROUP_CALLS = (
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:PutLogEvents",
)
_ALARM_CALLS = ("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms")


def corrected(
    action: str | None, given: Mapping[str, Any], region: str, account: str
) -> str | None:
    """AWS's ARN for the call, None where ministack's is right."""
    if action in _LOG_GROUP_CALLS and given.get("logGroupName"):
        # CloudWatch Logs User Guide, "Overview of managing access": policies on these calls name
        # groups with `:*` behind, for what is asked is a stream, even where the call names none.
        stream = given.get("logStreamName") or ""
        group = f"arn:aws:logs:{region}:{account}:log-group:{given['logGroupName']}"
        return f"{group}:log-stream:{stream}"
    if action in _ALARM_CALLS:
        # Describing is a list call, which CloudWatch asks for on every alarm, not on `*`.
        names = _alarms(given) if action == "cloudwatch:DeleteAlarms" else []
        return f"arn:aws:cloudwatch:{region}:{account}:alarm:{names[0] if names else '*'}"
    if action == "codebuild:BatchGetBuilds" and given.get("ids"):
        # Service Authorization Reference: the call is authorised on the project of the builds.
        project = str(given["ids"][0]).rpartition("build/")[2].partition(":")[0]
        return f"arn:aws:codebuild:{region}:{account}:project/{project}"
    return None


def _alarms(given: Mapping[str, Any]) -> list[str]:
    """The alarms a call names; one that names several is looked at by its first."""
    names = given.get("AlarmNames") or given.get("AlarmNames.member.1") or []
    return [names] if isinstance(names, str) else [str(name) for name in names]
