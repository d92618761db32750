"""What a SageMaker training job reads and leaves, for every image that trains: no image of its own.

Its folder is copied into each of these images beside their own package.
"""
