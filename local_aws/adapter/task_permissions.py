"""What the role of a state machine must be allowed for each kind of task.

Step Functions User Guide, "How Step Functions generates IAM policies for integrated services".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local_aws.adapter import process
from local_aws.adapter.arns import sagemaker_arn

_PREFIX = "arn:aws:states:::"
_LAMBDA = re.compile(r"^arn:aws:lambda:[^:]+:[^:]+:function:")
_MANAGED_RULES = {
    "createTrainingJob": "StepFunctionsGetEventsForSageMakerTrainingJobsRule",
    "createTransformJob": "StepFunctionsGetEventsForSageMakerTransformJobsRule",
    "createProcessingJob": "StepFunctionsGetEventsForSageMakerProcessingJobsRule",
    "createHyperParameterTuningJob": "StepFunctionsGetEventsForSageMakerTuningJobsRule",
}
# The names under which AWS reports a refused call, by optimised integration.
_ERRORS = {
    "lambda": "Lambda.AWSLambdaException",
    "sagemaker": "SageMaker.AmazonSageMakerException",
    "sns": "SNS.AuthorizationErrorException",
    "sqs": "SQS.AmazonSQSException",
    "events": "EventBridge.AmazonEventBridgeException",
    "dynamodb": "DynamoDB.AmazonDynamoDBException",
    "states": "StepFunctions.AWSStepFunctionsException",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """One action on one resource that the role needs for a task."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def needs(resource: str, parameters: Mapping[str, Any]) -> list[Need]:
    """Everything the task needs; nothing for aws-sdk tasks, whose call is looked at itself."""
    if _LAMBDA.match(resource):
        return [Need(action="lambda:InvokeFunction", resource=resource)]
    service, _, operation = resource.removeprefix(_PREFIX).partition(":")
    operation, _, pattern = operation.partition(".")
    if service == "lambda":
        return [Need(action="lambda:InvokeFunction", resource=_function(parameters))]
    if service == "sagemaker":
        return _sagemaker(operation, pattern.startswith("sync"), parameters)
    if service == "sns":
        topic = parameters.get("TopicArn") or parameters.get("TargetArn")
        return [Need(action="sns:Publish", resource=str(topic or "*"))]
    if service == "sqs":
        queue = str(parameters.get("QueueUrl", "")).rsplit("/", 1)[-1]
        return [Need(action="sqs:SendMessage", resource=_arn("sqs", queue))]
    if service == "events":
        buses = {str(e.get("EventBusName") or "default") for e in parameters.get("Entries", [])}
        return [Need(action="events:PutEvents", resource=_bus(bus)) for bus in sorted(buses)]
    if service == "dynamodb":
        table = str(parameters.get("TableName", ""))
        return [
            Need(
                action=f"dynamodb:{_pascal(operation)}", resource=_arn("dynamodb", f"table/{table}")
            )
        ]
    if service == "states":
        machine = parameters.get("StateMachineArn") or parameters.get("stateMachineArn")
        return _execution(str(machine or "*"), waits=pattern.startswith("sync"))
    return []


def error_name(resource: str) -> str:
    """The error a state machine sees when such a task is refused."""
    service = resource.removeprefix(_PREFIX).partition(":")[0]
    return _ERRORS["lambda" if _LAMBDA.match(resource) else service]


def role_hand_overs(parameters: Mapping[str, Any]) -> list[Need]:
    """iam:PassRole for each role a SageMaker request hands over."""
    return [
        Need(
            action="iam:PassRole",
            resource=str(parameters[member]),
            context={"iam:PassedToService": "sagemaker.amazonaws.com"},
        )
        for member in ("RoleArn", "ExecutionRoleArn")
        if isinstance(parameters.get(member), str)
    ]


def _sagemaker(operation: str, waits: bool, parameters: Mapping[str, Any]) -> list[Need]:
    action = _pascal(operation)
    target = sagemaker_arn(action, parameters, "")
    found = [Need(action=f"sagemaker:{action}", resource=target), *role_hand_overs(parameters)]
    if parameters.get("Tags"):
        found.append(Need(action="sagemaker:AddTags", resource=target))
    if waits and operation in _MANAGED_RULES:
        noun = action.removeprefix("Create")
        found += [
            Need(action=f"sagemaker:{verb}{noun}", resource=target) for verb in ("Describe", "Stop")
        ]
        found += _rule(_MANAGED_RULES[operation])
    return found


def _execution(machine: str, *, waits: bool) -> list[Need]:
    found = [Need(action="states:StartExecution", resource=machine)]
    if waits:
        executions = machine.replace(":stateMachine:", ":execution:") + ":*"
        found += [
            Need(action=f"states:{verb}Execution", resource=executions)
            for verb in ("Describe", "Stop")
        ]
        found += _rule("StepFunctionsGetEventsForStepFunctionsExecutionRule")
    return found


def _rule(name: str) -> list[Need]:
    """What making and pointing the rule by which `.sync` waits takes."""
    rule = _arn("events", f"rule/{name}")
    return [
        Need(action=f"events:{verb}", resource=rule)
        for verb in ("PutTargets", "PutRule", "DescribeRule")
    ]


def _function(parameters: Mapping[str, Any]) -> str:
    name = str(parameters.get("FunctionName", ""))
    arn = name if name.startswith("arn:") else _arn("lambda", f"function:{name}")
    qualifier = parameters.get("Qualifier")
    return f"{arn}:{qualifier}" if qualifier else arn


def _bus(name: str) -> str:
    return name if name.startswith("arn:") else _arn("events", f"event-bus/{name}")


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{process.region()}:{process.account()}:{rest}"


def _pascal(operation: str) -> str:
    return operation[:1].upper() + operation[1:]
