"""The processing job for objects above the function's limit: its request and its states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagemaker_workflow.endpoints.limits import has_gpu, instance_type_fault
from sagemaker_workflow.faults import Faults
from sagemaker_workflow.retries import retry
from sagemaker_workflow.state_machine import fails

CODE, CONFIG = "/opt/ml/processing/input/code", "/opt/ml/processing/input/config"
KEEP = "Keep it for a replay"  # the state of `Ingest` for what failed and was not to blame
ATTEMPTS = 6  # waits for capacity, from one to thirty minutes on average
_FIRST_SECONDS, _LONGEST_SECONDS = 120, 3600
WAIT_SECONDS = sum(min(_LONGEST_SECONDS, _FIRST_SECONDS * 2**n) for n in range(ATTEMPTS))
_BUSY = (
    "$states.input.error = 'SageMaker.ResourceLimitExceededException'"
    " or $contains($states.input.cause, 'ThrottlingException')"
    " or $contains($states.input.cause, 'CapacityError')"
    " or $contains($states.input.cause, 'ResourceLimitExceeded')"
)
_JOB = "{% $sparkJob & '-' & $string($sparkAttempt) %}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SparkCluster:
    """The instances of a Spark job, and from which size of object on it is used.

    `size_limit` is in bytes, `packed_limit` for gzip and Parquet, whose bytes hold more.
    """

    size_limit: int
    packed_limit: int
    instance_type: str = "ml.m5.4xlarge"
    instance_count: int = 2
    volume_size_gb: int = 100
    max_runtime_seconds: int = 4 * 3600
    subnets: Sequence[str] = ()
    security_groups: Sequence[str] = ()

    def check(self) -> None:
        """Raise ValueError with everything SageMaker or the image would refuse."""
        faults = Faults(of="spark cluster")
        if fault := instance_type_fault(self.instance_type, "processing"):
            faults.add(fault)
        if has_gpu(self.instance_type):
            faults.add(
                f"instance_type is {self.instance_type!r}, whose GPU preprocessing does not use:"
                " choose one like 'ml.m5.4xlarge'"
            )
        if not 1 <= self.instance_count <= 100:
            faults.add(f"instance_count is {self.instance_count}, allowed is 1 to 100")
        if bool(self.subnets) != bool(self.security_groups):
            faults.add("subnets and security_groups are given together or not at all")
        faults.raise_any()


def request(cluster: SparkCluster, *, dataset: str) -> dict[str, Any]:
    """The arguments of CreateProcessingJob (contracts 7).

    Open: `${SparkImage}`, `${SparkRole}`, `${SparkMain}`, `${SparkCode}`, `${SparkPackage}` and
    their file names `${SparkMainFile}`, `${SparkCodeFile}`, `${SparkPackageFile}`, `${Key}` and
    `${OutputBucket}`. The job is not isolated from the network: Spark's instances talk to one
    another, and its tasks read and write S3 themselves. What they say to one another is encrypted.
    """
    network: dict[str, Any] = {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": cluster.instance_count > 1,
    }
    if cluster.subnets:
        network["VpcConfig"] = {
            "Subnets": list(cluster.subnets),
            "SecurityGroupIds": list(cluster.security_groups),
        }
    event = f"s3://${{OutputBucket}}/{dataset}/requests/"
    return {
        "ProcessingJobName": _JOB,
        "RoleArn": "${SparkRole}",
        "AppSpecification": {
            "ImageUri": "${SparkImage}",
            "ContainerEntrypoint": ["smspark-submit"],
            "ContainerArguments": [
                "--py-files",
                f"{CODE}/spark/${{SparkCodeFile}}",
                f"{CODE}/main/${{SparkMainFile}}",
                f"{CODE}/package/${{SparkPackageFile}}",
                f"{{% '{CONFIG}/' & $sparkJob & '.json' %}}",
            ],
        },
        "ProcessingInputs": [
            _input("main", "${SparkMain}", f"{CODE}/main"),
            _input("spark", "${SparkCode}", f"{CODE}/spark"),
            _input("package", "${SparkPackage}", f"{CODE}/package"),
            _input("config", f"{{% '{event}' & $sparkJob & '.json' %}}", CONFIG),
        ],
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": cluster.instance_type,
                "InstanceCount": cluster.instance_count,
                "VolumeSizeInGB": cluster.volume_size_gb,
                "VolumeKmsKeyId": "${Key}",
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": cluster.max_runtime_seconds},
        "NetworkConfig": network,
    }


def spark_states(
    cluster: SparkCluster, dataset: Mapping[str, Any], *, region: str
) -> dict[str, Any]:
    """States from "Ask Spark", entered with an object, to the function's own result."""
    name = dataset["name"]
    return {
        "Ask Spark": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
            "Arguments": {
                "Bucket": "${OutputBucket}",
                "Key": f"{{% '{name}/requests/' & $sparkJob & '.json' %}}",
                "Body": {
                    "object": "{% $states.input %}",
                    "dataset": dict(dataset),
                    "output": {"bucket": "${OutputBucket}"},
                    "region": region,
                },
            },
            "Output": "{% $states.input %}",
            "Retry": [retry("States.TaskFailed")],
            "Catch": [fails(KEEP)],
            "Next": "Preprocess with Spark",
        },
        "Preprocess with Spark": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
            "TimeoutSeconds": cluster.max_runtime_seconds + 1800,
            "Arguments": request(cluster, dataset=name),
            "Output": "{% $parse($states.result.ExitMessage) %}",
            "Catch": [fails("Why did Spark fail?")],
            "Next": "Was it rejected?",
        },
        "Was it rejected?": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": "{% $exists($states.input.error) %}",
                    "Output": {
                        "error": "{% $states.input.error %}",
                        "cause": "{% $states.input.cause %}",
                        "request": "{% $sparkJob %}",
                    },
                    "Next": "Tell",
                }
            ],
            "Default": "Preprocessed",
        },
        "Preprocessed": {"Type": "Succeed"},
        "Why did Spark fail?": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": f"{{% ({_BUSY}) and $sparkAttempt < {ATTEMPTS} %}}",
                    "Next": "Wait for instances",
                }
            ],
            "Default": KEEP,
        },
        "Wait for instances": {
            "Type": "Wait",
            "Seconds": "{% $ceil($random() * $min(["
            f"{_LONGEST_SECONDS}, {_FIRST_SECONDS} * $power(2, $sparkAttempt)])) %}}",
            # A name may be used once, also by a job that got no instance.
            "Assign": {"sparkAttempt": "{% $sparkAttempt + 1 %}"},
            "Next": "Preprocess with Spark",
        },
    }


def _input(name: str, uri: str, folder: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": folder,
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }
