"""Tags of SageMaker resources."""

from collections.abc import Mapping, Sequence
from typing import Any

from local_aws.sagemaker import store
from local_aws.sagemaker.errors import ServiceError, invalid
from local_aws.sagemaker.listing import page

_MOST_TAGS = 50  # API reference, AddTags: 50 tags a resource


def attach(arn: str, tags: Sequence[Mapping[str, str]] | None) -> None:
    """Give a new resource its tags, and from now on let AddTags know it."""
    _check(tags or [])
    store.tags.add(arn, {tag["Key"]: tag["Value"] for tag in tags or []})


def detach(arn: str) -> None:
    store.tags.remove(arn)


def as_map(arn: str) -> dict[str, str]:
    """The tags as EventBridge details carry them: a map."""
    return dict(store.tags.get(arn) or {})


def add_tags(params: dict[str, Any]) -> dict[str, Any]:
    _check(params["Tags"])
    with store.lock:
        held = _held(params["ResourceArn"])
        merged = held | {tag["Key"]: tag["Value"] for tag in params["Tags"]}
        if len(merged) > _MOST_TAGS:
            raise ServiceError(
                "ResourceLimitExceeded", f"a resource can have at most {_MOST_TAGS} tags"
            )
        held.update(merged)
        return {"Tags": _as_list(held)}


def delete_tags(params: dict[str, Any]) -> dict[str, Any]:
    with store.lock:
        held = _held(params["ResourceArn"])
        for key in params["TagKeys"]:
            held.pop(key, None)
    return {}


def list_tags(params: dict[str, Any]) -> dict[str, Any]:
    with store.lock:
        tags = _as_list(_held(params["ResourceArn"]))
    shown, token = page(tags, params, default=50, identity=lambda tag: tag["Key"])
    return {"Tags": shown} | ({"NextToken": token} if token else {})


def _held(arn: str) -> dict[str, str]:
    held = store.tags.get(arn)
    if held is None:
        raise invalid(f'Could not find resource "{arn}".')
    return held


def _check(tags: Sequence[Mapping[str, str]]) -> None:
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) != len(keys):
        raise invalid("Tag keys must be unique in one request")
    if any(key.lower().startswith("aws:") for key in keys):
        raise invalid("Tag keys must not start with aws:, which is reserved")


def _as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
