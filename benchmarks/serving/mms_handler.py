"""The handler service that SageMaker's own containers give to MMS, under the name MMS looks for."""

from sagemaker_inference import default_handler_service


class HandlerService(default_handler_service.DefaultHandlerService):
    """Loads `code/inference.py` as the toolkit does."""
