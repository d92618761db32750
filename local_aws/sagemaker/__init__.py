"""A SageMaker for this machine: control plane, invocations, events, CloudFormation, tasks."""


def register() -> None:
    """Serve SageMaker on the local AWS: its API, its data plane, its resource types, its tasks."""
    # Imported here: everything below needs the runtime, which a reader of one module does not.
    from local_aws import adapter, cloudformation
    from local_aws.sagemaker import api, data_plane, state_tasks
    from local_aws.sagemaker.inference_components import sampling

    def handle(request: adapter.Request) -> adapter.Response:
        return api.handle(request) if request.action else data_plane.handle(request)

    adapter.register_service(
        "sagemaker",
        handle,
        json_target_prefix="SageMaker",
        path_prefixes=data_plane.PATH_PREFIXES,
    )
    for resource, task in state_tasks.tasks().items():
        adapter.register_state_task(resource, task)
    cloudformation.register()
    sampling.start()
    adapter.on_shutdown(_stop)


def _stop() -> None:
    """Ask everything that waits to give up: deployments, jobs, queues."""
    from local_aws.sagemaker import store

    for endpoint in store.endpoints:
        endpoint.stop.set()
        if endpoint.queue is not None:
            endpoint.queue.close()
    for component in store.inference_components:
        component.stop.set()
    for table in (store.training_jobs, store.processing_jobs, store.transform_jobs):
        for job in table:
            job.stop.set()
