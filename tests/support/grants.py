"""Roles of a deployed workflow, and their grants taken away for a while."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grants:
    """What the roles of some stacks are allowed, through IAM's own API.

    A role is named by its stack and the beginning of its logical id: `training/ExecutionRole`.
    """

    iam: Any
    cloudformation: Any
    prefix: str

    def roles(self) -> dict[str, str]:
        """`<stack, its prefix left out>/<logical id>` -> the role's name."""
        found = {}
        for stack in self.cloudformation.describe_stacks()["Stacks"]:
            name = str(stack["StackName"])
            if not name.startswith(self.prefix):
                continue
            listed = self.cloudformation.list_stack_resources(StackName=name)
            for resource in listed["StackResourceSummaries"]:
                if resource["ResourceType"] == "AWS::IAM::Role":
                    logical = f"{name.removeprefix(self.prefix)}/{resource['LogicalResourceId']}"
                    found[logical] = resource["PhysicalResourceId"]
        return found

    def role(self, part: str) -> str:
        """The name of the one role that `part` begins."""
        (name,) = [name for path, name in self.roles().items() if path.startswith(part)]
        return name

    def actions(self, part: str) -> set[str]:
        """Everything the role may do to something."""
        documents = [document for _, document in self._documents(self.role(part))]
        return {action for one in documents for s in one["Statement"] for action in _actions(s)}

    @contextlib.contextmanager
    def without(self, part: str, actions: Sequence[str], resource: str = "*") -> Iterator[None]:
        """The role lacks the actions on resources like `resource`, for the block only.

        A grant that is not there cannot be taken away: an AssertionError says so.
        """
        name = self.role(part)
        with contextlib.ExitStack() as restoring:
            taken = False
            for policy, document in self._documents(name):
                rest = _less(document, actions, resource)
                if rest != document:
                    taken = True
                    restoring.enter_context(self._replaced(name, policy, document, rest))
            assert taken, f"no policy of {part} allows {', '.join(actions)} on {resource}"
            yield

    def _documents(self, role: str) -> Iterator[tuple[str, Document]]:
        """Each inline policy by its name and each attached one by its ARN."""
        for name in self.iam.list_role_policies(RoleName=role)["PolicyNames"]:
            found = self.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            yield name, _parsed(found)
        for one in self.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = one["PolicyArn"]
            version = self.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            found = self.iam.get_policy_version(PolicyArn=arn, VersionId=version)
            yield arn, _parsed(found["PolicyVersion"]["Document"])

    @contextlib.contextmanager
    def _replaced(self, role: str, policy: str, before: Document, now: Document) -> Iterator[None]:
        if not policy.startswith("arn:"):
            given = {"RoleName": role, "PolicyName": policy}
            self.iam.put_role_policy(**given, PolicyDocument=json.dumps(now))
            try:
                yield
            finally:
                self.iam.put_role_policy(**given, PolicyDocument=json.dumps(before))
            return
        self._write(policy, now)
        try:
            yield
        finally:
            self._write(policy, before)

    def _write(self, arn: str, document: Document) -> None:
        """The policy says this, in its only version: five is the most it may have."""
        was = self.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        self.iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True
        )
        self.iam.delete_policy_version(PolicyArn=arn, VersionId=was)


def _less(document: Document, actions: Sequence[str], resource: str) -> Document:
    """The document without the actions on resources like `resource`; other grants stay."""
    statements = []
    for one in document["Statement"]:
        had = [action for action in _actions(one) if action in actions]
        gone = [target for target in _listed(one["Resource"]) if fnmatchcase(target, resource)]
        if not had or not gone:
            statements.append(one)
            continue
        kept = [action for action in _actions(one) if action not in had]
        other = [target for target in _listed(one["Resource"]) if target not in gone]
        if kept:
            statements.append({**one, "Action": kept})
        if other:
            statements.append({**one, "Action": had, "Resource": other})
    if statements == document["Statement"]:
        return document
    # A policy must say something.
    nothing = [{"Effect": "Deny", "Action": "none:Nothing", "Resource": "*"}]
    return {**document, "Statement": statements or nothing}


def _parsed(document: Any) -> Document:
    found: Document = json.loads(unquote(document)) if isinstance(document, str) else document
    statements: Any = found["Statement"]
    return {**found, "Statement": [statements] if isinstance(statements, Mapping) else statements}


def _actions(statement: Mapping[str, Any]) -> list[str]:
    return _listed(statement["Action"])


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
