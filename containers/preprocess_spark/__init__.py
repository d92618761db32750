"""Preprocessing on a cluster: Spark divides one object among instances, the function's code reads.

This is code for AWS's managed Spark image, not an image of its own, so there is no Dockerfile: it
lives beside the other script for a managed image (`xgboost_script`) and travels as S3 assets.
`smspark-submit` runs `main.py`; `--py-files` brings this package; and the preprocessing function's
own package (`lambda/preprocess` with polars, whose wheels fit any Python from 3.10 on) comes along
as the very zip that Lambda runs. So a row means the same in both engines because the same bytes
decide it, and a version has the same name. What is here is what only a cluster needs: where an
object can be cut, how what its parts teach becomes one, and where they are written.
"""
