"""The data plane of the local SageMaker: containers run as processes under SageMaker's contract."""
