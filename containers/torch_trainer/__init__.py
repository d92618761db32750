"""The PyTorch training image: tables and texts under SageMaker's training contract."""
