"""The operations this SageMaker serves. What is not here is refused by name."""

from collections.abc import Callable
from typing import Any

from local_aws.sagemaker import (
    endpoint_configs,
    endpoints,
    models,
    package_groups,
    processing_jobs,
    registry,
    tags,
    training_jobs,
    transform_jobs,
)
from local_aws.sagemaker.inference_components import operations as inference_components

Operation = Callable[[dict[str, Any]], dict[str, Any]]

OPERATIONS: dict[str, Operation] = {
    "AddTags": tags.add_tags,
    "CreateEndpoint": endpoints.create,
    "CreateEndpointConfig": endpoint_configs.create,
    "CreateInferenceComponent": inference_components.create,
    "CreateModel": models.create,
    "CreateModelPackage": registry.create_package,
    "CreateModelPackageGroup": package_groups.create,
    "CreateProcessingJob": processing_jobs.create,
    "CreateTrainingJob": training_jobs.create,
    "CreateTransformJob": transform_jobs.create,
    "DeleteEndpoint": endpoints.delete,
    "DeleteEndpointConfig": endpoint_configs.delete,
    "DeleteInferenceComponent": inference_components.delete,
    "DeleteModel": models.delete,
    "DeleteModelPackage": registry.delete_package,
    "DeleteModelPackageGroup": package_groups.delete,
    "DeleteTags": tags.delete_tags,
    "DescribeEndpoint": endpoints.describe,
    "DescribeEndpointConfig": endpoint_configs.describe,
    "DescribeInferenceComponent": inference_components.describe,
    "DescribeModel": models.describe,
    "DescribeModelPackage": registry.describe_package,
    "DescribeModelPackageGroup": package_groups.describe,
    "DescribeProcessingJob": processing_jobs.describe,
    "DescribeTrainingJob": training_jobs.describe,
    "DescribeTransformJob": transform_jobs.describe,
    "ListEndpointConfigs": endpoint_configs.listed,
    "ListEndpoints": endpoints.listed,
    "ListInferenceComponents": inference_components.listed,
    "ListModelPackageGroups": package_groups.listed,
    "ListModelPackages": registry.list_packages,
    "ListModels": models.listed,
    "ListProcessingJobs": processing_jobs.listed,
    "ListTags": tags.list_tags,
    "ListTrainingJobs": training_jobs.listed,
    "ListTransformJobs": transform_jobs.listed,
    "StopProcessingJob": processing_jobs.stop,
    "StopTrainingJob": training_jobs.stop,
    "StopTransformJob": transform_jobs.stop,
    "UpdateEndpoint": endpoints.update,
    "UpdateEndpointWeightsAndCapacities": endpoints.update_weights_and_capacities,
    "UpdateInferenceComponent": inference_components.update,
    "UpdateInferenceComponentRuntimeConfig": inference_components.update_runtime_config,
    "UpdateModelPackage": registry.update_package,
}

JOB_KINDS = {
    kind.word: kind for kind in (processing_jobs.KIND, training_jobs.KIND, transform_jobs.KIND)
}
