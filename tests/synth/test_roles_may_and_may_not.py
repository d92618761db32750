"""What each role of the shipped environments may do, and what none may: read off the templates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pytest
from support.templates import flat

from tests.synth.conftest import ENVIRONMENTS, Assembly

Template = dict[str, Any]
# Calls that know no resource, so that their policies can only say `*`; each is seen in the Service
# Authorization Reference.
WITHOUT_RESOURCE = (
    "application-autoscaling:Describe*",
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "logs:*LogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "sagemaker:ListTags",
    "xray:*",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One statement of a role's policies: what it allows, on what, and when."""

    role: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: str
    effect: str

    def allows(self, action: str, resource: str) -> bool:
        """Whether an action on a resource is among what it allows, conditions left aside."""
        return (
            self.effect == "Allow"
            and any(fnmatchcase(action.lower(), one.lower()) for one in self.actions)
            and any(fnmatchcase(resource, one) for one in self.resources)
        )


def statements(stack: str, template: Template) -> Iterator[Statement]:
    """Every statement of every role of a stack, inline and managed."""
    short = stack.split("-", 2)[2]
    stored = {name: one.get("Default", "") for name, one in template.get("Parameters", {}).items()}
    for resource in template["Resources"].values():
        given = resource.get("Properties", {})
        if resource["Type"] not in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            continue
        for role in given["Roles"]:
            for one in given["PolicyDocument"]["Statement"]:
                yield Statement(
                    role=f"{short}/{role['Ref'][:-8]}",
                    actions=tuple(_listed(one["Action"])),
                    resources=tuple(_named(flat(r), stored) for r in _listed(one["Resource"])),
                    condition=str(one.get("Condition", "")),
                    effect=one["Effect"],
                )


def _named(resource: str, stored: dict[str, str]) -> str:
    """The ARN with SSM parameters' names in the place of values: `<storage/raw-bucket>`."""
    for parameter, default in stored.items():
        published = str(default).split("/", 3)  # /<project>/<environment>/<what>
        if len(published) == 4:
            resource = resource.replace(f"<{parameter}>", f"<{published[3]}>")
    return resource


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.fixture(scope="session", params=ENVIRONMENTS)
def policies(request: pytest.FixtureRequest, assemblies: dict[str, Assembly]) -> list[Statement]:
    """Every statement of every role of an environment."""
    found = assemblies[request.param].templates()
    return [one for name, template in found.items() for one in statements(name, template)]


RAW = "arn:aws:s3:::<storage/raw-bucket>"
PROCESSED = "arn:aws:s3:::<storage/processed-bucket>"
ARTIFACTS = "arn:aws:s3:::<storage/artifacts-bucket>"
FUNCTION = "preprocessing/PreprocessRole"
JOB = "training/PreprocessAndTrainExecutionRole"
INSPECT = "training/PreprocessAndTrainInspectModelRole"
MAY = [
    (FUNCTION, "s3:GetObject", f"{RAW}/flights/a.csv"),
    (FUNCTION, "s3:PutObject", f"{PROCESSED}/flights/1/manifest.json"),
    (FUNCTION, "kms:GenerateDataKey", "<storage/key-arn>"),
    (JOB, "s3:GetObject", f"{PROCESSED}/flights/1/train/train.csv"),
    (JOB, "s3:PutObject", f"{ARTIFACTS}/training/flights/job/output/model.tar.gz"),
    (INSPECT, "s3:GetObject", f"{ARTIFACTS}/training/flights/job/output/model.tar.gz"),
    ("endpoint-realtime/ModelRole", "s3:GetObject", f"{ARTIFACTS}/training/flights/m.tar.gz"),
    ("endpoint-serverless/ModelRole", "s3:GetObject", f"{ARTIFACTS}/training/flights/m.tar.gz"),
    ("endpoint-async/ModelRole", "s3:PutObject", f"{ARTIFACTS}/async/async/output/a.out"),
    ("batch/ModelRole", "s3:PutObject", f"{ARTIFACTS}/batch/output/run/a.csv.out"),
]
# A role that begins so may not do this; `*` is every role.
MAY_NOT = [
    ("*", "iam:CreateRole", "*"),
    ("*", "iam:PutRolePolicy", "*"),
    ("*", "iam:AttachRolePolicy", "*"),
    ("*", "sts:AssumeRole", "*"),
    ("*", "s3:DeleteObject", f"{RAW}/flights/a.csv"),
    ("*", "s3:DeleteObject", f"{ARTIFACTS}/training/flights/m.tar.gz"),
    ("*", "s3:PutObject", f"{RAW}/flights/a.csv"),
    ("*", "s3:PutBucketPolicy", RAW),
    ("*", "kms:ScheduleKeyDeletion", "<storage/key-arn>"),
    ("*", "kms:PutKeyPolicy", "<storage/key-arn>"),
    ("[!s]*", "ecr:PutImage", "*"),  # only the build in the storage stack pushes images
    ("*", "sagemaker:UpdateModelPackage", "*"),  # nobody approves but a person
    ("*", "lambda:UpdateFunctionCode", "*"),
    (FUNCTION, "s3:GetObject", f"{ARTIFACTS}/training/flights/m.tar.gz"),
    (FUNCTION, "s3:PutObject", f"{ARTIFACTS}/training/flights/m.tar.gz"),
    (JOB, "s3:GetObject", f"{RAW}/flights/a.csv"),
    (JOB, "s3:ListBucket", RAW),
    (JOB, "s3:PutObject", f"{PROCESSED}/flights/1/train/train.csv"),
    (JOB, "s3:PutObject", f"{ARTIFACTS}/batch/output/a"),
    (INSPECT, "s3:PutObject", f"{ARTIFACTS}/training/flights/job/output/model.tar.gz"),
    (INSPECT, "s3:GetObject", f"{ARTIFACTS}/batch/output/a"),
    (INSPECT, "s3:GetObject", f"{ARTIFACTS}/training/others/job/output/model.tar.gz"),
    (INSPECT, "s3:GetObject", f"{RAW}/flights/a.csv"),
    (INSPECT, "s3:ListBucket", ARTIFACTS),
    (INSPECT, "sagemaker:CreateModelPackage", "*"),
    ("endpoint-*/ModelRole", "s3:GetObject", f"{RAW}/flights/a.csv"),
    ("endpoint-*/ModelRole", "s3:GetObject", f"{PROCESSED}/flights/1/train/train.csv"),
    ("endpoint-*/ModelRole", "s3:PutObject", f"{PROCESSED}/flights/1/train/train.csv"),
    ("endpoint-*/ModelRole", "s3:PutObject", f"{ARTIFACTS}/training/flights/m.tar.gz"),
    ("endpoint-serverless/ModelRole", "s3:PutObject", f"{ARTIFACTS}/async/async/output/a.out"),
    ("endpoint-*/EndpointLifecycleRole", "s3:GetObject", f"{ARTIFACTS}/training/flights/m.tar.gz"),
    ("endpoint-*/EndpointLifecycleRole", "sagemaker:UpdateEndpoint", "*"),
    ("batch/ModelRole", "s3:PutObject", f"{ARTIFACTS}/training/flights/m.tar.gz"),
    ("batch/ModelRole", "s3:GetObject", f"{RAW}/flights/a.csv"),
    ("batch/BatchTransformMachineRole", "iam:PassRole", "*"),
    ("*/*MachineRole", "s3:GetObject", f"{RAW}/flights/a.csv"),
]


def allowed(policies: list[Statement], role: str, action: str, resource: str) -> list[Statement]:
    """The statements of roles like `role` that allow it; `*` asks for any resource at all."""
    return [
        one
        for one in policies
        if fnmatchcase(one.role, role)
        and any(
            one.allows(action, target)
            for target in (one.resources if resource == "*" else (resource,))
        )
    ]


@pytest.mark.parametrize(("role", "action", "resource"), MAY)
def test_a_role_may_do_its_work(
    policies: list[Statement], role: str, action: str, resource: str
) -> None:
    assert allowed(policies, role, action, resource)


@pytest.mark.parametrize(("role", "action", "resource"), MAY_NOT)
def test_a_role_may_not_do_what_is_not_its_work(
    policies: list[Statement], role: str, action: str, resource: str
) -> None:
    assert any(fnmatchcase(one.role, role) for one in policies), f"no role is called {role}"
    assert allowed(policies, role, action, resource) == []


def test_no_action_has_a_star(policies: list[Statement]) -> None:
    assert [(p.role, a) for p in policies for a in p.actions if "*" in a] == []


def test_every_resource_is_named_where_a_call_knows_one(policies: list[Statement]) -> None:
    everything = [
        (one.role, action)
        for one in policies
        for action in one.actions
        if "*" in one.resources and not any(fnmatchcase(action, w) for w in WITHOUT_RESOURCE)
    ]
    assert everything == []


def test_only_the_training_machine_passes_a_role_and_only_that_of_its_jobs_to_sagemaker(
    policies: list[Statement],
) -> None:
    (passes,) = [one for one in policies if "iam:PassRole" in one.actions]
    assert passes.role == "training/PreprocessAndTrainMachineRole"
    assert passes.actions == ("iam:PassRole",)
    (resource,) = passes.resources
    assert fnmatchcase(resource, "<PreprocessAndTrainExecutionRole*.Arn>")
    assert passes.condition == str(
        {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    )
