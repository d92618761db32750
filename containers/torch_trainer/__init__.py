"""The PyTorch training image: tables and texts under SageMaker's training contract.

`failure`, `paths`, `rules`, `schema`, `channels` and `metrics` are those of `trainer`, word for
word: an image holds one folder. A test keeps them so.
"""
