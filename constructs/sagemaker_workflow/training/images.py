"""The images of a training workflow, and the states that find out which bytes they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker_workflow.container_image import ContainerImage
from sagemaker_workflow.retries import retry
from sagemaker_workflow.state_machine import fails


@dataclass(frozen=True, kw_only=True, slots=True)
class Images:
    """The image that trains, and the one the model will be served by."""

    trainer: ContainerImage
    inference: ContainerImage

    @property
    def looked_up(self) -> tuple[str, ...]:
        """The ARNs of the repositories that are asked for a digest."""
        named = (one for image in (self.trainer, self.inference) if image.has_tag_of_ours
                 for one in image.repository_arns)  # fmt: skip
        return tuple(dict.fromkeys(named))


def image_states(images: Images, *, then: str) -> dict[str, Any]:
    """States that bind $trainer_image and $inference_image to URIs by digest, and go to `then`.

    Entered at "Identify the trainer image". What runs from there on are these bytes, wherever a
    tag moves; an image that is not there fails the execution before anything is paid for. AWS's
    own image without a locked digest keeps its tag: its registry answers nobody else.

    Open: `${TrainerImage}`, `${InferenceImage}`.
    """
    second = "Identify the inference image"
    return {
        "Identify the trainer image": _identify("trainer", "${TrainerImage}", images, second),
        second: _identify("inference", "${InferenceImage}", images, then),
    }


def evidence() -> Mapping[str, str]:
    """What a model package says of its images: JSONata by the property's name."""
    return {
        "trainer_image": "$trainer_image",
        "trainer_code": _tag("${TrainerImage}"),
        "inference_image": "$inference_image",
        "inference_code": _tag("${InferenceImage}"),
    }


def _identify(name: str, uri: str, images: Images, then: str) -> dict[str, Any]:
    variable = f"{name}_image"
    image = images.trainer if name == "trainer" else images.inference
    if not image.has_tag_of_ours:
        return {"Type": "Pass", "Assign": {variable: uri}, "Next": then}
    repository = f"$substringBefore('{uri}', ':')"
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:ecr:describeImages",
        "Arguments": {
            "RegistryId": f"{{% $substringBefore('{uri}', '.') %}}",
            "RepositoryName": f"{{% $substringAfter({repository}, '/') %}}",
            "ImageIds": [{"ImageTag": f"{{% $substringAfter('{uri}', ':') %}}"}],
        },
        "Assign": {
            variable: f"{{% {repository} & '@' & $states.result.ImageDetails[0].ImageDigest %}}"
        },
        "Output": "{% $states.input %}",
        "Retry": [retry("Ecr.ServerException", "Ecr.EcrException")],
        "Catch": [fails("Tell")],
        "Next": then,
    }


def _tag(uri: str) -> str:
    """The tag, which is the hash of the build context; of a URI by digest, the digest."""
    return f"$substringAfter('{uri}', $contains('{uri}', '@') ? '@' : ':')"
