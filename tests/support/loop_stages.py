"""The stages of the loop, each asked for alone; what went wrong comes back as text."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from support.lifecycle_requests import Phase, former, properties
from support.policies import wait_for

_FINAL = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True, kw_only=True, slots=True)
class Loop:
    """A workflow that has run once. Every stage answers "" when it went well.

    `client` makes boto3 clients, `parameter` reads what the stacks publish, `resource` finds what a
    stack made by the beginning of its logical id.
    """

    client: Callable[[str], Any]
    parameter: Callable[[str], str]
    resource: Callable[[str, str], str]
    csv: bytes
    manifest: Mapping[str, str]
    package: Mapping[str, Any]
    log: Path
    _seen: dict[str, Any] = field(default_factory=dict)

    def upload(self) -> str:
        """S3 announces an object; the rule starts Ingest, or keeps the event with the reason."""
        bucket = self.parameter("storage/raw-bucket")
        return self._announced("preprocessing", "IngestUploads", bucket, "flights/empty.csv")

    def manifest_arrives(self) -> str:
        """S3 announces a manifest, and the rule starts PreprocessAndTrain, or keeps the event."""
        bucket = self.parameter("storage/processed-bucket")
        key = "flights/empty/manifest.json"
        return self._announced("training", "PreprocessAndTrainManifests", bucket, key)

    def ingest(self) -> str:
        """Ingest preprocesses an object it has not seen, which no rule announces."""
        return self._execution("preprocessing/state-machine-arn", self._raw(new=True))

    def ingest_nothing(self) -> str:
        """Ingest is asked for an object that is not there, fails, and tells the topic."""
        given = {"bucket": self.parameter("storage/raw-bucket"), "key": "grants/missing.csv"}
        return self._execution("preprocessing/state-machine-arn", given)

    def ingest_denied(self) -> str:
        """Ingest is asked for an object its function may not read, and keeps the request."""
        given = {"bucket": self.parameter("storage/artifacts-bucket"), "key": "grants/any.csv"}
        return self._execution("preprocessing/state-machine-arn", given)

    def backfill(self) -> str:
        """The uploads that the sample is one of go through Ingest again: nothing has changed."""
        s3, manifest = self.client("s3"), self.manifest
        body = s3.get_object(Bucket=manifest["bucket"], Key=manifest["key"])["Body"].read()
        return self._backfill(json.loads(body)["source"]["key"])

    def backfill_nothing(self) -> str:
        """A backfill whose one object has no row ends early, and tells the topic."""
        key = "flights/nothing.csv"
        if key not in self._seen:  # the upload itself starts Ingest, too
            bucket = self.parameter("storage/raw-bucket")
            self._seen[key] = self.client("s3").put_object(Bucket=bucket, Key=key, Body=b"{}")
        return self._backfill(key)

    def _backfill(self, prefix: str) -> str:
        """What went wrong in the execution, and in those of the objects."""
        states = self.client("stepfunctions")
        arn = self._ended("preprocessing/backfill-arn", {"prefix": prefix})
        found = [self._causes(arn)]
        for run in states.list_map_runs(executionArn=arn)["mapRuns"]:
            listed = states.list_executions(mapRunArn=run["mapRunArn"])["executions"]
            children = [states.describe_execution(executionArn=o["executionArn"]) for o in listed]
            found += [str(one["cause"]) for one in children if one.get("cause")]
        return "\n".join(filter(None, found))

    def train(self) -> str:
        """PreprocessAndTrain trains and registers."""
        given = {"manifest": self.manifest["uri"]}
        return self._execution("training/state-machine-arn", given)

    def inspect(self) -> str:
        """The function that inspects models is asked for the one that was registered."""
        [container] = self.package["InferenceSpecification"]["Containers"]
        made = self.client("lambda").invoke(
            FunctionName=self.resource("training", "PreprocessAndTrainInspectModel"),
            Payload=json.dumps({"uri": container["ModelDataUrl"]}).encode(),
        )
        return made["Payload"].read().decode() if made.get("FunctionError") else ""

    def manifest_looked_at(self) -> str:
        """PreprocessAndTrain reads a manifest that arrived, and that a newer one has its place."""
        bucket, key = self.parameter("storage/processed-bucket"), "flights/grants/manifest.json"
        latest = "flights/latest/grants.json"
        said = {"version": "grants", "starts_training": True, "latest": latest}
        self._put_json(bucket, latest, {"version": "newer", "replaced": ["grants"]})
        version = self._put_json(bucket, key, said)
        arrived = {"key": key, "version-id": version}
        given = {"detail": {"bucket": {"name": bucket}, "object": arrived}}
        return self._execution("training/state-machine-arn", given)

    def _put_json(self, bucket: str, key: str, content: Mapping[str, Any]) -> str:
        put = self.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(content))
        return str(put["VersionId"])

    def train_on_raw(self) -> str:
        """PreprocessAndTrain asks Ingest for the manifest of an object, and hands over."""
        return self._execution("training/state-machine-arn", {"raw": self._raw(new=True)})

    def train_on_nothing(self) -> str:
        """PreprocessAndTrain trains on an empty folder, fails, and tells the topic."""
        bucket = self.manifest["bucket"]
        given = {"manifest": f"s3://{bucket}/flights/nothing/manifest.json"}
        return self._execution("training/state-machine-arn", given)

    def spot_job(self) -> str:
        """A spot job finds a checkpoint, half of one only, and leaves its own in its place."""
        bucket = self.parameter("storage/artifacts-bucket")
        place = f"checkpoints/flights/{uuid.uuid4()}/"
        self.client("s3").put_object(Bucket=bucket, Key=f"{place}round-00000000.ubj", Body=b"half")
        return self.training_job(
            HyperParameters={"num_round": "3", "checkpoint_period": "1"},
            EnableManagedSpotTraining=True,
            CheckpointConfig={"S3Uri": f"s3://{bucket}/{place}"},
            StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
        )

    def training_job(self, **changes: Any) -> str:
        """A training job like PreprocessAndTrain's, with one tree."""
        name, folder = f"grants-{uuid.uuid4()}", self.manifest["uri"].removesuffix("manifest.json")
        sagemaker, key = self.client("sagemaker"), self.parameter("storage/key-arn")

        def channel(name: str) -> dict[str, Any]:
            source = {"S3DataType": "S3Prefix", "S3Uri": f"{folder}{name}/"}
            return {"ChannelName": name, "DataSource": {"S3DataSource": source}}

        try:
            sagemaker.create_training_job(
                TrainingJobName=name,
                RoleArn=self._role("training", "PreprocessAndTrainExecutionRole"),
                AlgorithmSpecification={
                    "TrainingImage": self.parameter("images/trainer"),
                    "TrainingInputMode": "File",
                },
                InputDataConfig=[channel(n) for n in ("train", "validation", "test", "schema")],
                OutputDataConfig={
                    "S3OutputPath": f"s3://{self.parameter('storage/artifacts-bucket')}"
                    "/training/flights/grants",
                    "KmsKeyId": key,
                },
                ResourceConfig={
                    "InstanceType": "ml.m5.xlarge",
                    "InstanceCount": 1,
                    "VolumeSizeInGB": 1,
                    "VolumeKmsKeyId": key,
                },
                **{
                    "HyperParameters": {"num_round": "1"},
                    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
                    **changes,
                },
            )
        except ClientError as fault:
            return str(fault)
        job = wait_for(
            lambda: sagemaker.describe_training_job(TrainingJobName=name),
            lambda seen: seen["TrainingJobStatus"] in _FINAL,
        )
        return str(job.get("FailureReason", ""))

    def model(self, stack: str, role: str = "ModelRole") -> str:
        """A model of the approved package, under a role of the stack."""
        sagemaker, name = self.client("sagemaker"), f"grants-{uuid.uuid4()}"
        try:
            sagemaker.create_model(
                ModelName=name,
                ExecutionRoleArn=self._role(stack, role),
                PrimaryContainer={"ModelPackageName": self.package["ModelPackageArn"]},
            )
        except ClientError as fault:
            return str(fault)
        sagemaker.delete_model(ModelName=name)
        return ""

    def update(self, name: str) -> str:
        """The endpoint moves to a copy of its configuration, watched by an alarm."""
        sagemaker, endpoint = self.client("sagemaker"), f"flights-local-{name}"
        now = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        config = sagemaker.describe_endpoint_config(EndpointConfigName=now)
        copy = f"grants-{uuid.uuid4()}"
        kept = ("ProductionVariants", "AsyncInferenceConfig", "KmsKeyId", "DataCaptureConfig")
        sagemaker.create_endpoint_config(
            EndpointConfigName=copy, **{k: config[k] for k in kept if k in config}
        )
        (alarm, *_) = [
            one["AlarmName"]
            for one in self.client("cloudwatch").describe_alarms()["MetricAlarms"]
            if one["AlarmName"].startswith(f"flights-local-endpoint-{name}-")
        ]
        sagemaker.update_endpoint(
            EndpointName=endpoint,
            EndpointConfigName=copy,
            DeploymentConfig={
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": {
                        "Type": "ALL_AT_ONCE",
                        "WaitIntervalInSeconds": 0,
                    }
                },
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
            },
        )
        seen = wait_for(
            lambda: sagemaker.describe_endpoint(EndpointName=endpoint),
            lambda seen: seen["EndpointStatus"] in ("InService", "Failed"),
        )
        return str(seen.get("FailureReason", ""))

    def captured(self) -> str:
        """What the real-time endpoint is asked lies in S3 soon after, or is said to be lost."""
        s3, bucket = self.client("s3"), self.parameter("storage/artifacts-bucket")
        before = self.log.stat().st_size

        def keys() -> set[str]:
            listed = s3.list_objects_v2(Bucket=bucket, Prefix="capture/realtime/")
            return {str(one["Key"]) for one in listed.get("Contents", [])}

        known = keys()
        self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName="flights-local-realtime", ContentType="text/csv", Body=self._request()
        )

        def told() -> str | None:
            lines = self.log.read_bytes()[before:].decode(errors="replace").splitlines()
            lost = [line for line in lines if "data capture lost" in line]
            return "\n".join(lost) if lost else "" if keys() - known else None

        return str(wait_for(told, lambda seen: seen is not None))

    def hours(self, active: str) -> str:
        """The machine that stops and starts the asynchronous endpoint is told to, as by its clock.

        It is active already; `maybe` is no value its stack takes, which the topic hears of.
        """
        machine = self.resource("endpoint-async", "HoursMachine")
        return self._execution(machine, {"active": active})

    def ask_asynchronously(self) -> str:
        """A request is answered in S3, or its failure lies there, or at least in the data log."""
        s3, bucket = self.client("s3"), self.parameter("storage/artifacts-bucket")
        key = f"async/async/input/{uuid.uuid4()}.csv"
        s3.put_object(Bucket=bucket, Key=key, Body=self._request())
        answer = self.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName="flights-local-async",
            InputLocation=f"s3://{bucket}/{key}",
            ContentType="text/csv",
        )

        def written() -> str | None:
            for member, says in (("OutputLocation", False), ("FailureLocation", True)):
                place = answer[member].removeprefix(f"s3://{bucket}/")
                try:
                    body = s3.get_object(Bucket=bucket, Key=place)["Body"].read().decode()
                except ClientError:
                    continue
                return body if says else ""
            group = "/aws/sagemaker/Endpoints/flights-local-async"
            events = self.client("logs").filter_log_events(logGroupName=group)["events"]
            said = [e["message"] for e in events if answer["InferenceId"] in e["message"]]
            return next((text for text in said if "not authorized" in text), None)

        found = wait_for(written, lambda seen: seen is not None)
        return str(found)

    def batch(self) -> str:
        """The batch machine scores a file."""
        bucket = self.parameter("storage/artifacts-bucket")
        run, s3 = uuid.uuid4().hex, self.client("s3")
        source = f"batch/input/{run}/"
        s3.put_object(Bucket=bucket, Key=f"{source}a.csv", Body=self._request())
        given = {"input": f"s3://{bucket}/{source}", "output": f"s3://{bucket}/batch/output/{run}"}
        return self._execution("batch/state-machine-arn", given)

    def batch_nothing(self) -> str:
        """The batch machine is asked for an empty folder, fails, and tells the topic."""
        bucket = self.parameter("storage/artifacts-bucket")
        return self._execution(
            "batch/state-machine-arn", {"input": f"s3://{bucket}/batch/input/nothing/"}
        )

    def scale(self, name: str, *, phase: Phase = "Target", request: str = "Update") -> str:
        """The endpoint's custom resource for scaling is asked as CloudFormation asks it."""
        now = properties(name, phase)
        return self._ask_lifecycle(name, request, now, former(now))

    def restore(self, name: str) -> str:
        """The function is told, as by its rule, that the endpoint came into service."""
        made = self.client("lambda").invoke(
            FunctionName=self.resource(f"endpoint-{name}", "EndpointLifecycleFunction"),
            Payload=json.dumps(properties(name, "Target")).encode(),
        )
        return made["Payload"].read().decode() if made.get("FunctionError") else ""

    def deployed(self, name: str, *, other: bool = False) -> str:
        """The endpoint's deploy check is asked whether its config serves, or `other`, not there."""
        described = self.client("sagemaker").describe_endpoint(EndpointName=f"flights-local-{name}")
        config = "another" if other else described["EndpointConfigName"]
        now = properties(name, "Deployed", config=config)
        return self._ask_lifecycle(name, "Update", now, now)

    def _ask_lifecycle(
        self, name: str, request: str, now: dict[str, Any], old: dict[str, Any]
    ) -> str:
        s3, bucket = self.client("s3"), self.parameter("storage/artifacts-bucket")
        stack, place = f"endpoint-{name}", f"grants/{uuid.uuid4()}"
        [found] = self.client("cloudformation").describe_stacks(StackName=f"flights-local-{stack}")[
            "Stacks"
        ]
        event = {
            "RequestType": request,
            "StackId": found["StackId"],
            "RequestId": place,
            "LogicalResourceId": "Lifecycle",
            "ResponseURL": s3.generate_presigned_url(
                "put_object", Params={"Bucket": bucket, "Key": place}
            ),
            "ResourceProperties": now,
            "OldResourceProperties": old,
        }
        self.client("lambda").invoke(
            FunctionName=self.resource(stack, "EndpointLifecycleFunction"),
            Payload=json.dumps(event).encode(),
        )
        answer = json.loads(s3.get_object(Bucket=bucket, Key=place)["Body"].read())
        return "" if answer["Status"] == "SUCCESS" else str(answer["Reason"])

    def logged(self, stage: Callable[[], str]) -> str:
        """What the stage says, and what the local AWS wrote to its own log meanwhile.

        A role that may not write logs, or may not tell a topic, spoils nothing else.
        """
        before = self.log.stat().st_size
        said = stage()

        def written() -> str:
            return self.log.read_bytes()[before:].decode(errors="replace")

        deadline = time.monotonic() + 30
        while "not authorized" not in written() and time.monotonic() < deadline:
            time.sleep(0.1)
        lines = [line for line in written().splitlines() if "not authorized" in line]
        return "\n".join([said, *lines]).strip()

    def _execution(self, machine: str, given: Mapping[str, Any]) -> str:
        """What went wrong in any state, caught or not."""
        return self._causes(self._ended(machine, given))

    def _ended(self, machine: str, given: Mapping[str, Any]) -> str:
        """The ARN of an execution that has ended; `machine` is an ARN, or published under it."""
        states = self.client("stepfunctions")
        found = machine if machine.startswith("arn:") else self.parameter(machine)
        arn = states.start_execution(stateMachineArn=found, input=json.dumps(given))["executionArn"]
        wait_for(
            lambda: states.describe_execution(executionArn=arn)["status"],
            lambda seen: seen != "RUNNING",
            seconds=60,  # a function that starts on a busy machine included
        )
        return str(arn)

    def _causes(self, arn: str) -> str:
        history = self.client("stepfunctions").get_execution_history(
            executionArn=arn, maxResults=1000
        )["events"]
        details = [value for event in history for value in event.values()]
        causes = [one["cause"] for one in details if isinstance(one, dict) and one.get("cause")]
        return "\n".join(dict.fromkeys(causes))

    def _announced(self, stack: str, trigger: str, bucket: str, key: str) -> str:
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=b"{}")
        queue, sqs = self.resource(stack, f"{trigger}DeadLetters"), self.client("sqs")
        got = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], WaitTimeSeconds=0)
        for message in got.get("Messages", []):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return str(message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"])
        return ""

    def _raw(self, *, new: bool) -> dict[str, str]:
        bucket, key = self.parameter("storage/raw-bucket"), "grants/rows.csv"
        if new:  # a dataset's version follows from what is in the object
            key = f"grants/{uuid.uuid4()}.csv"
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=self.csv)
        return {"bucket": bucket, "key": key}

    def _request(self) -> bytes:
        s3, key = self.client("s3"), self.manifest["key"].replace("manifest", "schema/schema")
        if "schema" not in self._seen:
            body = s3.get_object(Bucket=self.manifest["bucket"], Key=key)["Body"].read()
            self._seen["schema"] = json.loads(body)
        header, row = self.csv.decode().splitlines()[:2]
        values = dict(zip(header.split(","), row.split(","), strict=True))
        features = [feature["name"] for feature in self._seen["schema"]["features"]]
        return ",".join(values[name] for name in features).encode() + b"\n"

    def _role(self, stack: str, logical: str) -> str:
        return f"arn:aws:iam::222233334444:role/{self.resource(stack, logical)}"
