"""What a Spark job needs: AWS's image, the code as assets, and a role of its own."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.grants import allow
from sagemaker_workflow.preprocessing.spark_job import SparkCluster
from sagemaker_workflow.roles import ExecutionRole

EVENTS = "StepFunctionsGetEventsForSageMakerProcessingJobsRule"


class SparkEngine(Construct):
    """SageMaker Processing jobs of AWS's Spark image can preprocess objects of `source`.

    The job is not isolated from the network, the one such exception beside downloads of weights:
    its tasks read and write S3 by ranges themselves. Its role reaches one dataset, no more.
    Attributes: cluster, role, substitutions.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        cluster: SparkCluster,
        dataset: str,
        prefix: str,
        image: ContainerImage,
        package: Path,
        code: Path,
        source: s3.IBucket,
        output: s3.IBucket,
        key: kms.IKey,
    ) -> None:
        """Make the role and the assets.

        :param cluster: the instances, and from which size of object on they are used
        :param dataset: the dataset's name: uploads and versions are under it
        :param prefix: of the jobs' names
        :param image: AWS's Spark image
        :param package: the zip of the preprocessing function, which the job reads rows with
        :param code: the folder `preprocess_spark`, and its zip beside the package
        :param source: where raw objects are
        :param output: where datasets go
        :param key: encrypts both buckets and the instances' volumes

        Raises ValueError for a cluster that cannot be.
        """
        super().__init__(scope, id_)
        cluster.check()
        self.cluster, self.prefix = cluster, prefix
        # SageMaker gives a file the last part of its key as its name: the asset's hash.
        main = assets.Asset(self, "Main", path=str(code / "main.py"))
        spark = assets.Asset(self, "Code", path=str(package.with_name("preprocess_spark.zip")))
        function = assets.Asset(self, "Package", path=str(package))
        self.role = ExecutionRole(self, "Role", kind="processing")
        self.role.grant_pull(*image.repository_arns)
        self.role.grant_read(source, f"{dataset}/")
        self.role.grant_read(output, f"{dataset}/")
        self.role.grant_write(output, f"{dataset}/")
        for bucket in (source, output):
            self.role.grant_read_missing(bucket)
        for asset in (main, spark, function):
            self.role.grant_input(asset.bucket, asset.s3_object_key)
        self.role.grant_volume_key(key)
        self.substitutions = {
            "SparkImage": image.uri,
            "SparkRole": self.role.role_arn,
            "SparkJobPrefix": prefix,
            "Key": key.key_arn,
            "SparkMain": main.s3_object_url,
            "SparkMainFile": main.s3_object_key,
            "SparkCode": spark.s3_object_url,
            "SparkCodeFile": spark.s3_object_key,
            "SparkPackage": function.s3_object_url,
            "SparkPackageFile": function.s3_object_key,
        }
        self._dataset = dataset

    def grant_run(self, role: iam.Role, source: s3.IBucket, output: s3.IBucket) -> None:
        """A state machine's role can start these jobs and wait for them."""
        stack = Stack.of(self)
        jobs = stack.format_arn(
            service="sagemaker", resource="processing-job", resource_name=f"{self.prefix}-*"
        )
        allow(
            role,
            "sagemaker:CreateProcessingJob",
            "sagemaker:DescribeProcessingJob",
            "sagemaker:StopProcessingJob",
            "sagemaker:AddTags",
            "sagemaker:ListTags",
            on=[jobs],
            why="each execution's job has a name of its own, under this prefix",
        )
        allow(
            role,
            "iam:PassRole",
            on=[self.role.role_arn],
            only_if={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
        rule = stack.format_arn(service="events", resource="rule", resource_name=EVENTS)
        allow(role, "events:PutTargets", "events:PutRule", "events:DescribeRule", on=[rule])
        allow(
            role,
            "s3:PutObject",
            on=[output.arn_for_objects(f"{self._dataset}/requests/*")],
            why="each job's request has a name of its own, under this prefix",
        )
        allow(
            role,
            "s3:GetObject",
            on=[source.arn_for_objects(f"{self._dataset}/*")],
            why="HeadObject tells the size of any upload of the dataset",
        )
