"""Amazon SageMaker workflows as AWS CDK constructs.

Nothing is imported here, so that `sagemaker_workflow.build_context` stays usable (and quick) where
there is no AWS CDK. Import a construct from its own module:

>>> from sagemaker_workflow.endpoints import RealtimeEndpoint
>>> from sagemaker_workflow.model import Model, ModelContainer
"""
