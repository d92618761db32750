"""Training, processing and transform jobs at the control plane."""

from typing import Any

import pytest
from support.sagemaker_door import Aws

from local_aws.runtime.training import TrainingOutcome
from local_aws.runtime.transform import TransformOutcome
from local_aws.sagemaker import processing_jobs, transform_jobs


def _transform(name: str = "job", **changes: Any) -> dict[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://in/"}}
    return {
        "TransformJobName": name,
        "ModelName": "model",
        "TransformInput": {
            "DataSource": source,
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": "s3://out/",
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    } | changes


@pytest.fixture
def transforms(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    monkeypatch.setattr(
        transform_jobs,
        "run_transform_job",
        lambda job, spec, update, stop: TransformOutcome(status="Completed"),
    )
    aws.model()
    return aws


def _done(aws: Aws, kind: str, name: str = "job") -> dict[str, Any]:
    def describe() -> dict[str, Any]:
        return aws.call(f"Describe{kind}Job", **{f"{kind}JobName": name})

    aws.eventually(lambda: describe()[f"{kind}JobStatus"] in ("Completed", "Failed", "Stopped"))
    return describe()


def test_refuses_a_job_name_that_was_used(aws: Aws) -> None:
    """contracts.md, refusals: job name reused; also after the job ended."""
    aws.call("CreateTrainingJob", **aws.training_job())
    _done(aws, "Training")
    error = aws.refusal("CreateTrainingJob", **aws.training_job())
    assert error.code == "ResourceInUse"
    assert error.message.startswith("Training job names must be unique within an AWS account")


def test_a_failed_job_carries_the_containers_sentence(aws: Aws) -> None:
    """contracts.md, refusals: container exit code and /opt/ml/output/failure as FailureReason."""
    aws.training = TrainingOutcome(
        status="Failed", secondary_status="Failed", failure_reason="AlgorithmError: no target"
    )
    aws.call("CreateTrainingJob", **aws.training_job())
    job = _done(aws, "Training")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: no target"
    aws.eventually(lambda: aws.events[-1]["detail"]["TrainingJobStatus"] == "Failed")
    assert aws.events[-1]["detail"]["FailureReason"] == "AlgorithmError: no target"


def test_a_stopped_job_ends_stopped(aws: Aws) -> None:
    aws.training_waits = True
    aws.call("CreateTrainingJob", **aws.training_job())
    aws.call("StopTrainingJob", TrainingJobName="job")
    assert _done(aws, "Training")["TrainingJobStatus"] == "Stopped"
    error = aws.refusal("StopTrainingJob", TrainingJobName="job")
    assert "Stopped" in error.message


def test_events_follow_the_job(aws: Aws) -> None:
    """contracts.md 9.2: epoch milliseconds, tags as a map, one event a transition."""
    aws.call("CreateTrainingJob", **aws.training_job(Tags=[{"Key": "team", "Value": "ml"}]))
    _done(aws, "Training")
    aws.eventually(lambda: aws.events[-1]["detail"]["TrainingJobStatus"] == "Completed")
    details = [e["detail"] for e in aws.events]
    assert {e["detail-type"] for e in aws.events} == {"SageMaker Training Job State Change"}
    assert [d["SecondaryStatus"] for d in details] == [
        "Starting",
        "Downloading",
        "Training",
        "Completed",
    ]
    assert details[-1]["Tags"] == {"team": "ml"}
    assert details[-1]["CreationTime"] > 1e12


@pytest.mark.parametrize("member", ["ResourceConfig", "StoppingCondition"])
def test_refuses_an_ordinary_job_without_resources_or_limit(aws: Aws, member: str) -> None:
    """contracts.md 1.5: not required in the model any more, so refused here."""
    aws.call("CreateTrainingJob", **aws.training_job("good"))
    error = aws.refusal("CreateTrainingJob", **aws.training_job("bad", **{member: None}))
    assert f"{member} is required" in error.message


def test_refuses_spot_without_enough_waiting_time(aws: Aws) -> None:
    """contracts.md 1.5: MaxWaitTimeInSeconds >= MaxRuntimeInSeconds."""
    limits = {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 600}
    good = aws.training_job("good", StoppingCondition=limits, EnableManagedSpotTraining=True)
    aws.call("CreateTrainingJob", **good)
    short = {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 599}
    bad = aws.training_job("bad", StoppingCondition=short, EnableManagedSpotTraining=True)
    assert "MaxWaitTimeInSeconds" in aws.refusal("CreateTrainingJob", **bad).message


def test_refuses_a_training_image_that_is_not_there(aws: Aws) -> None:
    aws.call("CreateTrainingJob", **aws.training_job("good"))
    missing = {"TrainingImage": f"{aws.image}x", "TrainingInputMode": "File"}
    bad = aws.training_job("bad", AlgorithmSpecification=missing)
    assert "not found" in aws.refusal("CreateTrainingJob", **bad).message


def test_refuses_a_transform_of_a_model_with_a_data_source(transforms: Aws) -> None:
    """contracts.md 2.1: ModelDataSource does not work with batch transform."""
    transforms.call("CreateTransformJob", **_transform("good"))
    source = {"S3Uri": transforms.model_data, "S3DataType": "S3Object", "CompressionType": "Gzip"}
    transforms.model("sourced", ModelDataUrl=None, ModelDataSource={"S3DataSource": source})
    bad = _transform("bad", ModelName="sourced")
    assert "ModelDataSource" in transforms.refusal("CreateTransformJob", **bad).message


def test_refuses_a_batch_strategy_without_a_split(transforms: Aws) -> None:
    """contracts.md 6: BatchStrategy needs a split other than None."""
    transforms.call("CreateTransformJob", **_transform("good", BatchStrategy="SingleRecord"))
    bad = _transform("bad", BatchStrategy="SingleRecord")
    del bad["TransformInput"]["SplitType"]
    assert "SplitType" in transforms.refusal("CreateTransformJob", **bad).message


def test_refuses_too_much_in_flight(transforms: Aws) -> None:
    """contracts.md 6: the product is at most 100."""
    good = _transform("good", MaxConcurrentTransforms=10, MaxPayloadInMB=10)
    transforms.call("CreateTransformJob", **good)
    bad = _transform("bad", MaxConcurrentTransforms=10, MaxPayloadInMB=11)
    assert "got 110" in transforms.refusal("CreateTransformJob", **bad).message


def test_refuses_a_join_of_unlike_formats(transforms: Aws) -> None:
    """contracts.md 6: join needs Accept==ContentType and AssembleWith==SplitType."""
    join = {"DataProcessing": {"JoinSource": "Input"}}
    transforms.call("CreateTransformJob", **_transform("good", **join))
    bad = _transform("bad", **join)
    bad["TransformOutput"] = {"S3OutputPath": "s3://out/", "Accept": "application/json"}
    message = transforms.refusal("CreateTransformJob", **bad).message
    assert "same Accept and ContentType" in message
    assert "same AssembleWith and SplitType" in message


def test_a_transform_job_completes(transforms: Aws) -> None:
    transforms.call("CreateTransformJob", **_transform())
    assert _done(transforms, "Transform")["TransformJobStatus"] == "Completed"
    listed = transforms.call("ListTransformJobs", StatusEquals="Completed")
    assert [s["TransformJobName"] for s in listed["TransformJobSummaries"]] == ["job"]


def test_refuses_a_processing_path_outside_its_root(aws: Aws) -> None:
    """contracts.md 7: LocalPath must start with /opt/ml/processing/."""
    faults = list(processing_jobs._faults(_processing("/opt/ml/processing/out")))
    assert faults == []
    error = aws.refusal(
        "CreateProcessingJob",
        ProcessingJobName="bad",
        RoleArn=aws.role,
        AppSpecification={"ImageUri": aws.image},
        ProcessingResources={
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.large",
                "VolumeSizeInGB": 5,
            }
        },
        **_processing("/opt/ml/elsewhere"),
    )
    assert "must start with /opt/ml/processing/" in error.message


def _processing(path: str) -> dict[str, Any]:
    target = {"S3Uri": "s3://out/", "LocalPath": path, "S3UploadMode": "EndOfJob"}
    return {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": target}]}}
