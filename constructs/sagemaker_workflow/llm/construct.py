"""A language model whose server options follow the machine that an override chooses."""

from __future__ import annotations

from dataclasses import replace

from aws_cdk import Annotations, CfnCondition, CfnMapping, Token
from constructs import Construct

from sagemaker_workflow.endpoints.components.spec import Copy
from sagemaker_workflow.endpoints.specs import Instances
from sagemaker_workflow.faults import Faults, known
from sagemaker_workflow.gpus import gpus
from sagemaker_workflow.llm import faults as check
from sagemaker_workflow.llm import fit as fitting
from sagemaker_workflow.llm import options
from sagemaker_workflow.llm.architecture import Architecture
from sagemaker_workflow.llm.image import LlmImage
from sagemaker_workflow.llm.spec import HubWeights, LlmServing
from sagemaker_workflow.model import Model, ModelContainer
from sagemaker_workflow.model_data import ModelData
from sagemaker_workflow.roles import ExecutionRole

_STARTUP = "StartupSeconds"


class LlmModel(Model):
    """A model exists that a server of language models serves, on any of the allowed machines.

    How many GPUs it is split over, what it computes in and how long it may take to start stand in
    a Mapping by instance type, so that an override of the type changes them with it. Whether it
    fits is worked out for every allowed type before anything is made.
    Attributes besides a model's: capacity (for the endpoint), fits (the arithmetic, by type).

    >>> llm = LlmModel(  # doctest: +SKIP
    ...     self,
    ...     "Mistral",
    ...     weights=ModelData.from_prefix(bucket, "mistral-7b/"),
    ...     image=LlmImage.managed("vllm", region="eu-west-1"),
    ...     architecture="mistralai/Mistral-7B-Instruct-v0.3",
    ...     capacity=Instances(instance_type="ml.g5.2xlarge"),
    ... )
    >>> RealtimeEndpoint(self, "Chat", model=llm, capacity=llm.capacity)  # doctest: +SKIP
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        weights: ModelData | HubWeights,
        image: LlmImage,
        architecture: str | Architecture,
        capacity: Instances,
        serving: LlmServing | None = None,
        accelerators: int | None = None,
        accept_eula: bool = False,
        role: ExecutionRole | None = None,
        condition: CfnCondition | None = None,
    ) -> None:
        """Make the model.

        :param weights: a prefix of a bucket (isolated), or the Hugging Face hub (own image only)
        :param image: the server
        :param architecture: its shape, or the name of a known one
        :param capacity: the machines: a type, or a parameter and what it may become
        :param serving: precision, lengths, requests at once
        :param accelerators: GPUs of one copy on a component endpoint. Default: all of the machine
        :param accept_eula: the licence of gated weights is accepted
        :param role: what the container may do. Default: a role of its own
        :param condition: the model, and every endpoint of it, exists only when this holds
        """
        serving = serving or LlmServing()
        faults = Faults(of=f"LlmModel {scope.node.path}/{id_}".replace(" /", " "))
        shape = check.architecture_of(architecture, faults)
        check.check_serving(serving, shape, faults)
        check.check_weights(weights, image, shape, accept_eula, faults)
        types = _types(capacity, faults)
        if capacity.fallback_types:
            faults.add(
                f"capacity has fallback_types {', '.join(capacity.fallback_types)}, and the "
                "server's options are made for one type at a time: put them into allowed_types and "
                "override InstanceType"
            )
        if shape is not None and not faults.found:
            check.check_machines(types, shape, serving, accelerators, faults)
        faults.raise_any()
        assert shape is not None  # noqa: S101 raised above otherwise
        self.architecture, self.serving, self.accelerators = shape, serving, accelerators
        self.fits = {
            one: found
            for one in types
            if (found := fitting.fit(one, shape, serving, accelerators=accelerators))
        }
        self._mapping_scope, self._instance_type = scope, capacity.instance_type
        self._table = {one: self._of_machine(one, image) for one in types}
        mapped = self._mapped(id_)
        startup = mapped.pop(_STARTUP)
        super().__init__(
            scope,
            id_,
            serves=ModelContainer(
                image=image.image,
                data=weights if isinstance(weights, ModelData) else None,
                environment={
                    **options.fixed(image.server, weights, serving),
                    **mapped,
                    **serving.environment,
                },
            ),
            role=role,
            isolated=not isinstance(weights, HubWeights),
            condition=condition,
        )
        self._startup_seconds = _number(startup)
        self._download_seconds = options.download_seconds(shape, serving)
        self.capacity = replace(
            capacity,
            ami_version=capacity.ami_version or image.ami_version,
            startup_timeout_seconds=self._startup_seconds,
            download_timeout_seconds=self._download_seconds,
        )
        if isinstance(weights, HubWeights):
            self._let_out(weights)
        elif accept_eula:
            # Only where it is accepted: the service takes `false` for gated weights as a no.
            self._resource.add_property_override(
                "PrimaryContainer.ModelDataSource.S3DataSource.ModelAccessConfig.AcceptEula", True
            )
        self._say_what_is_not_known(types)

    def copy(self, *, memory_mb: int, cpus: float | None = None) -> Copy:
        """What a copy takes on a component endpoint: its GPUs, and the memory said here.

        :param memory_mb: of the machine, not of its GPUs: the server loads weights through it
        """
        if self.accelerators is None:
            raise ValueError(
                f"LlmModel {self.node.path}: accelerators is not given, which a component needs: "
                "make the model with accelerators=<GPUs of one copy>"
            )
        return Copy(
            memory_mb=memory_mb,
            cpus=cpus,
            accelerators=self.accelerators,
            startup_timeout_seconds=self._startup_seconds,
            download_timeout_seconds=self._download_seconds,
        )

    def _of_machine(self, instance_type: str, image: LlmImage) -> dict[str, str]:
        found = self.fits.get(instance_type)
        ways = (
            found.tensor_parallel
            if found
            else self.serving.tensor_parallel or self.accelerators or 1
        )
        return {
            **options.on_machine(image.server, ways, options.dtype_on(instance_type, self.serving)),
            _STARTUP: str(options.startup_seconds(self.architecture, self.serving, ways)),
        }

    def _mapped(self, id_: str) -> dict[str, str]:
        """Plain values where all machines agree, look-ups by the parameter where they do not."""
        first = next(iter(self._table.values()))
        differing = [
            name
            for name, value in first.items()
            if any(one[name] != value for one in self._table.values())
        ]
        if known(self._instance_type):
            return dict(self._table[self._instance_type])
        if not differing:
            return dict(first)
        mapping = CfnMapping(
            self._mapping_scope,
            f"{id_}ByInstanceType",
            mapping={
                machine: {_key(name): values[name] for name in differing}
                for machine, values in self._table.items()
            },
        )
        looked_up = {
            name: mapping.find_in_map(self._instance_type, _key(name)) for name in differing
        }
        return {**first, **looked_up}

    def _let_out(self, weights: HubWeights) -> None:
        """Say that it reaches the network, and why; let it read its token and nothing else."""
        finding = "sagemaker-workflow:not-isolated"
        notes = Annotations.of(self)
        notes.add_warning_v2(finding, f"fetches {weights.model} from the network when it starts")
        notes.acknowledge_warning(finding, weights.because)
        if weights.token is not None:
            self.role.grant_secret(weights.token)

    def _say_what_is_not_known(self, types: list[str]) -> None:
        unknown = [one for one in types if one not in gpus()]
        if unknown:
            Annotations.of(self).add_warning_v2(
                "sagemaker-workflow:gpu-memory-unknown",
                f"{', '.join(unknown)}: the GPU memory is not known here, so whether "
                f"{self.architecture.name} fits was not checked",
            )


def _types(capacity: Instances, faults: Faults) -> list[str]:
    one = capacity.instance_type
    types = list(dict.fromkeys([*([one] if known(one) else []), *capacity.allowed_types]))
    if not types:
        faults.add(
            "instance_type is a parameter and allowed_types is empty: list what the parameter may "
            "become, so that each is checked"
        )
    return types


def _key(variable: str) -> str:
    """Keys of a Mapping are letters and digits only: SM_VLLM_DTYPE -> SmVllmDtype."""
    parts = variable.split("_")
    return variable if len(parts) == 1 else "".join(part.capitalize() for part in parts)


def _number(value: str) -> int:
    return int(value) if known(value) else Token.as_number(value)  # type: ignore[return-value]
