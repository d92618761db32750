"""How a CloudFormation resource becomes SageMaker API calls.

Ref is the ARN for every type here, and each property but the tags belongs to the API's create
request (CloudFormation resource schemas: primaryIdentifier, createOnlyProperties).
"""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws import validation
from local_aws.sagemaker import api
from local_aws.sagemaker.errors import ServiceError

Properties = Mapping[str, Any]
Created = tuple[str, dict[str, Any]]
_LONGEST_NAME = 63
_MISSING = ("Could not find", "does not exist", "not found")


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceType:
    """One type: its properties and the operations behind them.

    A changed property not in `updatable` replaces the resource.
    """

    noun: str
    properties: Sequence[str]
    records: Callable[[], Iterable[Mapping[str, Any]]]
    updatable: Sequence[str] = ("Tags",)
    not_in_create: Sequence[str] = ()

    @property
    def name(self) -> str:
        return f"AWS::SageMaker::{self.noun}"

    @property
    def name_property(self) -> str:
        return f"{self.noun}Name"

    @property
    def arn_property(self) -> str:
        return f"{self.noun}Arn"

    def create(self, properties: Properties, *, stack_name: str, logical_id: str) -> Created:
        """The resource exists; the physical id is its ARN."""
        request = self.request(properties)
        name = request.setdefault(self.name_property, generated_name(logical_id))
        made = api.call(
            f"Create{self.noun}", {k: v for k, v in request.items() if k not in self.not_in_create}
        )
        arn = str(made[self.arn_property])
        self.settle_create(name)
        return arn, self.attributes(arn)

    def update(
        self,
        physical_id: str,
        new: Properties,
        old: Properties,
        *,
        stack_name: str,
        logical_id: str,
    ) -> Created:
        """The resource has the new properties, in place or as a new resource with a new ARN."""
        request, before = self.request(new), self.request(old)
        changed = {k for k in {*request, *before} if request.get(k) != before.get(k)}
        if changed - set(self.updatable):
            self._require_new_name(request, before)
            return self.create(new, stack_name=stack_name, logical_id=logical_id)
        if "Tags" in changed:
            _retag(physical_id, request.get("Tags", []), before.get("Tags", []))
        self.settle_update(physical_id, request, changed)
        return physical_id, self.attributes(physical_id)

    def delete(
        self, physical_id: str, properties: Properties, *, stack_name: str, logical_id: str
    ) -> None:
        """The resource is gone; one that was gone already is fine."""
        try:
            self.remove(self.name_of(physical_id))
        except ServiceError as error:
            if not any(words in error.message for words in _MISSING):
                raise

    def request(self, properties: Properties) -> dict[str, Any]:
        """The properties as an API request with the model's types.

        Raises for a property the type does not have: CloudFormation refuses it, and ministack
        would let it pass.
        """
        unknown = sorted(set(properties) - set(self.properties))
        if unknown:
            raise ValueError(
                f"Properties validation failed for resource of type {self.name}: extraneous key "
                f"[{', '.join(unknown)}] is not permitted"
            )
        return self.coerced(f"Create{self.noun}", properties)

    def coerced(self, operation: str, properties: Properties) -> dict[str, Any]:
        """Numbers and booleans arrive as strings; the API takes them as what they are."""
        return validation.coerce("sagemaker", operation, properties)

    def attributes(self, arn: str) -> dict[str, Any]:
        """What Fn::GetAtt finds: ARN, name, and for a group its time and status."""
        found = {self.arn_property: arn, self.name_property: self.name_of(arn)}
        for record in self.records():
            if record[self.arn_property] == arn and f"{self.noun}Status" in record:
                found["CreationTime"] = str(record["CreationTime"])
                found[f"{self.noun}Status"] = record[f"{self.noun}Status"]
        return found

    def name_of(self, arn: str) -> str:
        """The resource's name as it was given: an ARN has it in lower case."""
        for record in self.records():
            if record[self.arn_property] == arn:
                return str(record[self.name_property])
        return arn.rsplit("/", 1)[-1]

    def settle_create(self, name: str) -> None:
        """Wait until what was created can be used; nothing to wait for by default."""

    def settle_update(self, arn: str, request: Properties, changed: set[str]) -> None:
        """Apply changes in place other than tags; there are none by default."""

    def remove(self, name: str) -> None:
        api.call(f"Delete{self.noun}", {self.name_property: name})

    def _require_new_name(self, request: Properties, before: Properties) -> None:
        name = request.get(self.name_property)
        if name is not None and name == before.get(self.name_property):
            raise ValueError(
                "CloudFormation cannot update a stack when a custom-named resource requires "
                f"replacing. Rename {name} and update the stack again."
            )


def generated_name(logical_id: str) -> str:
    """A name as CloudFormation makes one: the logical id and twelve random characters.

    Random, because a replacement lives beside what it replaces until the stack cleans up.
    """
    stem = re.sub(r"[^a-zA-Z0-9]", "", logical_id)
    return f"{stem[: _LONGEST_NAME - 13]}-{secrets.token_hex(6)}"


def _retag(
    arn: str, wanted: Sequence[Mapping[str, str]], before: Sequence[Mapping[str, str]]
) -> None:
    gone = {tag["Key"] for tag in before} - {tag["Key"] for tag in wanted}
    if gone:
        api.call("DeleteTags", {"ResourceArn": arn, "TagKeys": sorted(gone)})
    if wanted:
        api.call("AddTags", {"ResourceArn": arn, "Tags": list(wanted)})
