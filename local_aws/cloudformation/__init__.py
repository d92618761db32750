"""SageMaker's resource types for the local CloudFormation."""


def register() -> None:
    """Let stacks hold models, endpoints and their parts, and model package groups."""
    from local_aws import adapter
    from local_aws.cloudformation.types import TYPES

    for kind in TYPES:
        adapter.register_cloudformation_type(
            kind.name, create=kind.create, update=kind.update, delete=kind.delete
        )
