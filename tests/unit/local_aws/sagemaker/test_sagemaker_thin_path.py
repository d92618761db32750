"""From a model to a prediction, the shortest way."""

import json

from support.sagemaker_door import Aws


def test_an_endpoint_comes_into_service_and_answers(aws: Aws) -> None:
    aws.endpoint("flights")
    response, body = aws.http("/endpoints/flights/invocations", b"1,2", content_type="text/csv")
    assert response.status == 200
    assert json.loads(body) == {"predictions": []}
    assert response.headers["x-Amzn-Invoked-Production-Variant"] == "primary"
    assert response.headers["Content-Type"] == "application/json"


def test_a_training_job_completes_with_its_artifacts_and_metrics(aws: Aws) -> None:
    aws.call("CreateTrainingJob", **aws.training_job())
    aws.eventually(
        lambda: (
            aws.call("DescribeTrainingJob", TrainingJobName="job")["TrainingJobStatus"]
            == "Completed"
        )
    )
    job = aws.call("DescribeTrainingJob", TrainingJobName="job")
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == aws.training.model_artifacts
    assert job["FinalMetricDataList"][0]["MetricName"] == "test:auc"
    steps = [t["Status"] for t in job["SecondaryStatusTransitions"]]
    assert steps == ["Downloading", "Training", "Completed"]


def test_an_approved_package_becomes_a_model(aws: Aws) -> None:
    aws.call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    arn = aws.call(
        "CreateModelPackage",
        ModelPackageGroupName="flights",
        InferenceSpecification={
            "Containers": [{"Image": aws.image, "ModelDataUrl": aws.model_data}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelApprovalStatus="PendingManualApproval",
    )["ModelPackageArn"]
    assert arn.endswith(":model-package/flights/1")
    aws.call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")
    aws.model("from-package", ModelPackageName=arn, Image=None, ModelDataUrl=None)
    described = aws.call("DescribeModel", ModelName="from-package")
    assert described["PrimaryContainer"] == {"ModelPackageName": arn}
