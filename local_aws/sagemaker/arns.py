"""ARNs of SageMaker resources. The service lower-cases the names inside them."""

from local_aws import adapter


def arn(kind: str, name: str) -> str:
    """The ARN of a resource, e.g. `arn:aws:sagemaker:us-east-1:222233334444:endpoint/flights`."""
    account, region = adapter.account(), adapter.region()
    return f"arn:aws:sagemaker:{region}:{account}:{kind}/{name.lower()}"


def name_in(arn_or_name: str) -> str:
    """The last part of an ARN, or the name itself: several operations take either."""
    return arn_or_name.rsplit("/", 1)[-1] if arn_or_name.startswith("arn:") else arn_or_name
