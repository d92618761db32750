"""The images a language model can be served by, and the way each is told what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from sagemaker_workflow.container_image import ContainerImage

Server = Literal["vllm", "lmi", "tensorrt-llm"]
_FRAMEWORKS: dict[str, tuple[str, str]] = {
    "vllm": ("vllm", "0.30.0"),
    "lmi": ("djl-lmi", "0.38.0"),
    "tensorrt-llm": ("djl-tensorrtllm", "0.33.0"),
}
# The one with CUDA 13: NVIDIA's driver 580 (botocore, InferenceAmiVersion). On the default AMI such
# a container fails without a line in its log (contracts 3.3).
CUDA_13_AMI = "al2023-ami-sagemaker-inference-gpu-4-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class LlmImage:
    """An image, the server in it, and the AMI its CUDA needs. Make one with `managed` or `own`."""

    image: ContainerImage
    server: Server
    ami_version: str | None
    fetches_from_hub: bool

    @staticmethod
    def managed(server: Server, *, region: str, version: str | None = None) -> LlmImage:
        """AWS's image: vLLM, LMI (DJL with vLLM) or TensorRT-LLM (DJL, frozen at 0.33.0).

        Raises ValueError, with what there is, for a server, version or region not locked.
        """
        if server not in _FRAMEWORKS:
            raise ValueError(
                f"llm image: server is {server!r}, allowed is one of "
                f"{', '.join(get_args(Server))}: choose one, or LlmImage.own for an image of yours"
            )
        framework, newest = _FRAMEWORKS[server]
        image = ContainerImage.managed(
            framework, version=version or newest, region=region, processor="gpu"
        )
        return LlmImage(
            image=image,
            server=server,
            ami_version=CUDA_13_AMI if "cu130" in image.uri else None,
            fetches_from_hub=False,
        )

    @staticmethod
    def own(image: ContainerImage, *, cuda: int = 13) -> LlmImage:
        """Our vLLM image (containers/vllm). `cuda` is the major version its base is built on."""
        return LlmImage(
            image=image,
            server="vllm",
            ami_version=CUDA_13_AMI if cuda >= 13 else None,
            fetches_from_hub=True,
        )
