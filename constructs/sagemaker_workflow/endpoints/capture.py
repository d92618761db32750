"""Data capture: what the config says of it, and what the roles may do for it."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Fn
from aws_cdk import aws_sagemaker as sagemaker

from sagemaker_workflow.endpoints.specs import Capture
from sagemaker_workflow.model import Model


def grant_capture(capture: Capture, models: Sequence[Model]) -> None:
    """Each model's role may write under the prefix, and use the key."""
    prefix = capture.prefix if capture.prefix.endswith("/") else f"{capture.prefix}/"
    for role in dict.fromkeys(model.role for model in models):
        role.grant_write(capture.bucket, prefix)
        if capture.key is not None:
            role.grant_key(capture.key, "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")


def capture_config(
    capture: Capture | None,
) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty | None:
    """As the endpoint's config says it; None when nothing is kept."""
    if capture is None:
        return None
    config = sagemaker.CfnEndpointConfig
    key = capture.key or capture.bucket.encryption_key
    enabled = capture.enabled
    return config.DataCaptureConfigProperty(
        enable_capture=(
            True if enabled is None else Fn.condition_if(enabled.logical_id, True, False)
        ),
        initial_sampling_percentage=capture.sampling_percent,
        destination_s3_uri=capture.bucket.s3_url_for_object(capture.prefix.rstrip("/")),
        kms_key_id=key.key_arn if key else None,
        capture_options=[config.CaptureOptionProperty(capture_mode=one) for one in capture.modes],
        capture_content_type_header=(
            config.CaptureContentTypeHeaderProperty(
                csv_content_types=list(capture.csv_content_types) or None,
                json_content_types=list(capture.json_content_types) or None,
            )
            if capture.csv_content_types or capture.json_content_types
            else None
        ),
    )
