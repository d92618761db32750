"""The models that a multi-model container has loaded (contracts 2.4)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from local_aws.runtime import archives, permissions, s3
from local_aws.runtime.container_http import Answer, ContainerGone
from local_aws.runtime.containers import (
    ModelLoading,
    NoSuchModel,
    NotReady,
    RuntimeFailure,
    Timeout,
)
from local_aws.runtime.serving import ServingContainer

READY_SECONDS = 60.0  # contracts 2.4: how long an invocation waits for its model
LOADING_SECONDS = 360.0  # contracts 2.4: how long loading may go on behind it
_RETRY_SECONDS = 0.1  # between two attempts when every other model is in use
_LOADED, _CONFLICT, _NO_RESOURCE = 200, 409, 507
TARGET = "x-amzn-sagemaker-target-model"


@dataclass(kw_only=True, eq=False)
class _Model:
    """One target model, from the first request for it until it is unloaded."""

    name: str  # what the container calls it: opaque, not TargetModel
    ready: threading.Event = field(default_factory=threading.Event)
    failure: Exception | None = None
    refusal: Answer | None = None  # the container's own answer to a load that failed
    in_use: int = 0
    download_us: int | None = None
    load_us: int | None = None
    unload_us: list[int] = field(default_factory=list)


class ModelCache:
    """Loads what is asked for, and unloads what was not asked for longest when there is no room."""

    def __init__(self, container: ServingContainer, *, volume_gb: int | None = None) -> None:
        self._container = container
        self._client = container.client
        self._caps = archives.Caps(total_bytes=volume_gb * 1024**3) if volume_gb else None
        self._models: OrderedDict[str, _Model] = OrderedDict()  # least recently used first
        self._lock = threading.Condition()

    def holds(self, target: str) -> bool:
        """Whether the model is loaded or being loaded."""
        with self._lock:
            return target in self._models

    def invoke(
        self, target: str, body: bytes, headers: Mapping[str, str], *, timeout: float
    ) -> tuple[Answer, ModelLoading]:
        """Return the target model's answer, loading it first if need be.

        NotReady when that takes longer than an invocation may wait; NoSuchModel for an archive
        that cannot be had. What the container answers to a load it refuses is returned as is.
        """
        began = time.monotonic()
        model, hit = self._enter(target)
        try:
            if not model.ready.wait(min(READY_SECONDS, timeout)):
                raise NotReady(
                    f"Model {target} is still being loaded by container {self._container.name}."
                    " Try again later."
                )
            if model.failure is not None:
                raise model.failure
            loading = ModelLoading(
                cache_hit=hit,
                waited_us=0 if hit else round((time.monotonic() - began) * 1e6),
                download_us=None if hit else model.download_us,
                load_us=None if hit else model.load_us,
                unload_us=() if hit else tuple(model.unload_us),
            )
            if model.refusal is not None:
                return model.refusal, loading
            left = max(0.001, timeout - (time.monotonic() - began))
            path = f"/models/{model.name}/invoke"
            return self._client.invoke(
                body, {**headers, TARGET: target}, timeout=left, path=path
            ), loading
        finally:
            self._leave(target, model)

    def _enter(self, target: str) -> tuple[_Model, bool]:
        """The model, held; and whether it was there already."""
        with self._lock:
            model = self._models.get(target)
            hit = model is not None and model.ready.is_set()
            if model is None:
                model = _Model(name=hashlib.sha256(target.encode()).hexdigest()[:32])
                self._models[target] = model
                threading.Thread(
                    target=self._load, args=(target, model), name=f"load-{target}", daemon=True
                ).start()
            self._models.move_to_end(target)
            model.in_use += 1
            return model, hit

    def _leave(self, target: str, model: _Model) -> None:
        with self._lock:
            model.in_use -= 1
            self._lock.notify_all()
            unused = model.ready.is_set() and not model.in_use
            if not unused or self._container.spec.model_cache or self._gone(target, model):
                return
            del self._models[target]
            with contextlib.suppress(ContainerGone, Timeout):  # the answer is given already
                self._unload(model)

    def _gone(self, target: str, model: _Model) -> bool:
        return self._models.get(target) is not model

    def _load(self, target: str, model: _Model) -> None:
        try:
            self._download(target, model)
            self._post(target, model)
        except (RuntimeFailure, ContainerGone, Timeout, NoSuchModel) as failure:
            model.failure = failure
        finally:
            with self._lock:
                failed = model.failure is not None or model.refusal is not None
                if failed and not self._gone(target, model):
                    # The next request tries again: the archive or the memory may be there then.
                    del self._models[target]
                model.ready.set()
                self._lock.notify_all()

    def _download(self, target: str, model: _Model) -> None:
        folder, _ = self._container.model_folder(model.name)
        if folder.exists():  # unloaded from memory only: the volume still has it
            return
        began = time.monotonic()
        spec = self._container.spec
        url = s3.join(spec.model_data_url or "", target)
        packed = folder.with_name("model.tar.gz")
        packed.parent.mkdir(parents=True, exist_ok=True)
        try:
            s3.RoleS3(spec.role_arn).download(url, packed)
            archives.extract(packed, folder, url=url, caps=self._caps)
        except RuntimeFailure as failure:
            bucket, key = s3.parse(url)
            raise NoSuchModel(
                f"Failed to download model data (bucket: {bucket}, key: {key}). Please ensure that"
                " there is an object located at the URL and that the role passed to CreateModel"
                f" has permissions to download the model: {failure.reason}"
            ) from failure
        finally:
            packed.unlink(missing_ok=True)
        permissions.make_read_only(folder)
        model.download_us = round((time.monotonic() - began) * 1e6)

    def _post(self, target: str, model: _Model) -> None:
        """The container has loaded the model, or `refusal` says why not."""
        deadline = time.monotonic() + LOADING_SECONDS
        _, url = self._container.model_folder(model.name)
        body = json.dumps({"model_name": model.name, "url": url}).encode()
        headers = {"content-type": "application/json", TARGET: target}
        while True:
            began = time.monotonic()
            left = max(0.001, deadline - began)
            answer = self._client.invoke(body, headers, timeout=left, path="/models")
            if answer.status in (_LOADED, _CONFLICT):
                model.load_us = round((time.monotonic() - began) * 1e6)
                return
            if answer.status != _NO_RESOURCE or not self._make_room(model, deadline):
                model.refusal = answer
                return

    def _make_room(self, model: _Model, deadline: float) -> bool:
        """Whether loading is worth another try: a model was unloaded, or may soon be."""
        with self._lock:
            others = [(name, other) for name, other in self._models.items() if other is not model]
            idle = [pair for pair in others if pair[1].ready.is_set() and not pair[1].in_use]
            if not idle:  # those in use are done with in a moment
                self._lock.wait(_RETRY_SECONDS)
                return bool(others) and time.monotonic() < deadline
            target, oldest = idle[0]
            del self._models[target]
            began = time.monotonic()
            self._unload(oldest)
            model.unload_us.append(round((time.monotonic() - began) * 1e6))
            return True

    def _unload(self, model: _Model) -> None:
        """The container no longer has the model; 404 says that it had not (contracts 2.4)."""
        path = f"/models/{model.name}"
        self._client.ask("DELETE", path, b"", {}, timeout=READY_SECONDS)
