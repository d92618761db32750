"""The operations this SageMaker serves. What is not here is refused by name."""

from collections.abc import Callable
from typing import Any

from local_aws.sagemaker import (
    endpoint_configs,
    endpoints,
    models,
    registry,
    tags,
    training_jobs,
)

Operation = Callable[[dict[str, Any]], dict[str, Any]]

OPERATIONS: dict[str, Operation] = {
    "AddTags": tags.add_tags,
    "CreateEndpoint": endpoints.create,
    "CreateEndpointConfig": endpoint_configs.create,
    "CreateModel": models.create,
    "CreateModelPackage": registry.create_package,
    "CreateModelPackageGroup": registry.create_group,
    "CreateTrainingJob": training_jobs.create,
    "DeleteEndpoint": endpoints.delete,
    "DeleteEndpointConfig": endpoint_configs.delete,
    "DeleteModel": models.delete,
    "DeleteModelPackage": registry.delete_package,
    "DeleteModelPackageGroup": registry.delete_group,
    "DeleteTags": tags.delete_tags,
    "DescribeEndpoint": endpoints.describe,
    "DescribeEndpointConfig": endpoint_configs.describe,
    "DescribeModel": models.describe,
    "DescribeModelPackage": registry.describe_package,
    "DescribeModelPackageGroup": registry.describe_group,
    "DescribeTrainingJob": training_jobs.describe,
    "ListEndpointConfigs": endpoint_configs.listed,
    "ListEndpoints": endpoints.listed,
    "ListModelPackageGroups": registry.list_groups,
    "ListModelPackages": registry.list_packages,
    "ListModels": models.listed,
    "ListTags": tags.list_tags,
    "ListTrainingJobs": training_jobs.listed,
    "StopTrainingJob": training_jobs.stop,
    "UpdateEndpoint": endpoints.update,
    "UpdateEndpointWeightsAndCapacities": endpoints.update_weights_and_capacities,
    "UpdateModelPackage": registry.update_package,
}

JOB_KINDS = {"Training": training_jobs.KIND}
