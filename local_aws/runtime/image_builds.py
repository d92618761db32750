"""Builds of container images that CodeBuild was asked for, done with what this machine has.

With an engine (LOCAL_AWS_ENGINE) the image is really built. Without one there is nothing that could
run it either: containers are processes, and the manifest in the local ECR says of which folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import stat
import threading
import zipfile
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local_aws import adapter
from local_aws.adapter.codebuild import Build
from local_aws.runtime import engine, images
from local_aws.runtime.containers import RuntimeFailure
from local_aws.runtime.engine.build import content_hash
from local_aws.runtime.logs import LogStream

_LABEL = re.compile(rf"\b{re.escape(images.ANNOTATION_CONTAINER)}=\"?([a-z0-9_]+)\"?")
_ENTRYPOINT = re.compile(r"^ENTRYPOINT\s+(\[.*\])\s*$", re.MULTILINE)
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_EMPTY = "application/vnd.oci.empty.v1+json"
_LARGEST = 100 * 1024**2  # of a build context, which is code
_NEEDED = ("CONTEXT", "REGISTRY", "REPOSITORY", "TAG")


def run(build: Build) -> None:
    """Leave the image in the local ECR under its tag; the build's log says what was done.

    With the build's own role throughout. RuntimeFailure when it cannot be, also in the log.
    """
    log = LogStream(build.log_group, build.log_stream, role_arn=build.role_arn)
    folder = adapter.state_dir().resolve() / "builds" / build.id.rpartition(":")[2]
    try:
        _run(build, folder, log)
    except (RuntimeFailure, ClientError, BotoCoreError) as failure:
        log.write(f"error: {failure}")
        raise
    finally:
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _run(build: Build, folder: Path, log: LogStream) -> None:
    given = build.variables
    if missing := [name for name in _NEEDED if not given.get(name)]:
        raise RuntimeFailure(
            f"project {build.project} is no build of an image that this machine knows: it lacks"
            f" {', '.join(missing)}"
        )
    uri = f"{given['REGISTRY']}/{given['REPOSITORY']}:{given['TAG']}"
    log.write(f"download {given['CONTEXT']}")
    _download(build, folder / "context")
    container, program = _dockerfile(folder / "context")
    context = (folder / "context").rename(folder / container)
    content = content_hash(context)
    if content != given["TAG"].partition("-")[0]:
        raise RuntimeFailure(
            f"the tag of {uri} is the hash of its build context, but this context is {content}"
        )
    if (chosen := engine.chosen()) is not None:
        image = engine.image(chosen, uri, context, content)
        engine.ready(image, say=log.write, stop=threading.Event())
        log.write(f"built {image.tag} with {chosen.name}")
    else:
        log.write(f"no engine on this machine: containers/{container} runs as a process")
    _push(build, _manifest(container, program, content))
    log.write(f"pushed {uri}")


def _download(build: Build, folder: Path) -> None:
    bucket, _, key = build.variables["CONTEXT"].removeprefix("s3://").partition("/")
    packed = folder.with_suffix(".zip")
    packed.parent.mkdir(parents=True, exist_ok=True)
    try:
        adapter.client("s3", role_arn=build.role_arn).download_file(bucket, key, str(packed))
        with zipfile.ZipFile(packed) as archive:
            if sum(one.file_size for one in archive.infolist()) > _LARGEST:
                raise RuntimeFailure(f"the build context has more than {_LARGEST >> 20} MB")
            for one in archive.infolist():
                # extractall forgets which files may be executed, which the hash knows of.
                mode = stat.S_IMODE(one.external_attr >> 16)
                path = Path(archive.extract(one, folder))
                path.chmod(mode or path.stat().st_mode)
    except zipfile.BadZipFile as error:
        raise RuntimeFailure(f"{build.variables['CONTEXT']} is no zip: {error}") from error
    finally:
        packed.unlink(missing_ok=True)


def _dockerfile(folder: Path) -> tuple[str, list[str]]:
    path = folder / "Dockerfile"
    if not path.is_file():
        raise RuntimeFailure("the build context has no Dockerfile")
    text = path.read_text(encoding="utf-8")
    labels, programs = _LABEL.findall(text), _ENTRYPOINT.findall(text)
    if not labels:
        raise RuntimeFailure(
            f"the Dockerfile has no LABEL {images.ANNOTATION_CONTAINER}, so there is no folder of"
            " containers/ to run it from"
        )
    if not programs:
        raise RuntimeFailure('the Dockerfile has no ENTRYPOINT ["program", ...] in the exec form')
    return labels[-1], [str(word) for word in json.loads(programs[-1])]


def _manifest(container: str, program: list[str], content: str) -> str:
    """As `ops images push` writes it: the same bytes, and so the same digest."""
    empty = "sha256:" + hashlib.sha256(b"{}").hexdigest()
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _EMPTY, "digest": empty, "size": 2},
            "layers": [],
            "annotations": {
                images.ANNOTATION_CONTAINER: container,
                images.ANNOTATION_ENTRYPOINT: json.dumps(program, separators=(",", ":")),
                images.ANNOTATION_HASH: content,
            },
        },
        sort_keys=True,
        separators=(",", ":"),
    )


def _push(build: Build, manifest: str) -> None:
    adapter.client("ecr", role_arn=build.role_arn).put_image(
        repositoryName=build.variables["REPOSITORY"],
        imageManifest=manifest,
        imageManifestMediaType=_MANIFEST,
        imageTag=build.variables["TAG"],
        imageDigest="sha256:" + hashlib.sha256(manifest.encode()).hexdigest(),
    )
