"""The vLLM image: the official server, started the way SageMaker asks and SM_VLLM_* says.

The package has the server's own name only here. In front of the server's Python it would hide the
real one, so its folder is taken off the path before the server starts (`environment.py`).
"""
