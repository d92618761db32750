"""Draw what an environment deploys, from its templates: `python docs/draw.py cdk.out [README.md]`.

Prints a Mermaid flowchart. A box is a stack, a node is a resource a person would name, an arrow a
reference the template really holds (a Ref or GetAtt inside a stack, or a name another stack
publishes in SSM), turned the way the data flows. `make picture` writes it into README.md.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

GROUP = "AWS::SageMaker::ModelPackageGroup"
# The resources a person talks about. Policies, roles, permissions and log groups would hide them.
SHOWN = {
    "AWS::S3::Bucket": ("[({})]", "bucket"),
    "AWS::ECR::Repository": ("[({})]", "images"),
    "AWS::Lambda::Function": ("([{}])", "function"),
    "AWS::StepFunctions::StateMachine": ("[[{}]]", "state machine"),
    "AWS::Events::Rule": (">{}]", "rule"),
    "AWS::SNS::Topic": ("[/{}/]", "topic"),
    GROUP: ("[({})]", "model package group"),
    "AWS::SageMaker::Model": ("[{}]", "model"),
    "AWS::SageMaker::Endpoint": ("(({}))", "endpoint"),
}
# Followed on the way from one shown resource to another: what carries a grant or a definition.
HIDDEN_HOPS = {"AWS::SageMaker::EndpointConfig"}
NOISE = re.compile(r"[0-9A-F]{8}$")
LEFT_OUT = ("AccessLog", "CustomResource", "Provider", "AWS679")


def main(assembly: Path) -> str:
    """The Mermaid text of every stack in the assembly."""
    templates = {
        path.name.removesuffix(".template.json"): json.loads(path.read_text())
        for path in sorted(assembly.glob("*.template.json"))
    }
    lines = ["flowchart LR"]
    published = _published(templates)
    edges = sorted({edge for stack in templates for edge in _edges(stack, templates, published)})
    connected = {end for edge in edges for end in edge}
    for stack, template in templates.items():
        lines.append(f"  subgraph {_id(stack)}[{stack}]")
        for logical_id, resource in _shown(template):
            if _id(stack, logical_id) not in connected:
                continue
            shape, kind = SHOWN[resource["Type"]]
            label = f'"{_label(logical_id)}<br/><i>{kind}</i>"'
            lines.append(f"    {_id(stack, logical_id)}{shape.format(label)}")
        lines.append("  end")
    return "\n".join([*lines, *(f"  {source} --> {target}" for source, target in edges)])


def _shown(template: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for logical_id, resource in sorted(template["Resources"].items()):
        if resource["Type"] in SHOWN and not any(part in logical_id for part in LEFT_OUT):
            yield logical_id, resource


def _published(templates: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """SSM parameter name -> the stack and resource it speaks of."""
    found: dict[str, tuple[str, str]] = {}
    for stack, template in templates.items():
        shown = dict(_shown(template))
        for resource in template["Resources"].values():
            if resource["Type"] != "AWS::SSM::Parameter":
                continue
            for target in _references(resource["Properties"].get("Value")):
                if target in shown:
                    found[str(resource["Properties"].get("Name"))] = (stack, target)
    return found


def _edges(
    stack: str, templates: Mapping[str, Any], published: Mapping[str, tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    template = templates[stack]
    shown = dict(_shown(template))
    reads = {
        name: published[parameter["Default"]]
        for name, parameter in template.get("Parameters", {}).items()
        if parameter.get("Default") in published
    }
    for logical_id, resource in shown.items():
        triggers = set(_references(resource["Properties"].get("EventPattern")))
        for target in _reachable(resource, template) - {logical_id}:
            if target in shown:
                there = _id(stack, target)
            elif target in reads:
                there = _id(*reads[target])
            else:
                continue
            # Events flow from what emits them to the rule, models to what serves them.
            backwards = target in triggers or _type(template, target) == "AWS::SageMaker::Model"
            pair = (_id(stack, logical_id), there)
            yield pair[::-1] if backwards else pair
        if "sagemaker:createModelPackage" in json.dumps(resource):
            registers = [one for one in shown if _type(template, one) == GROUP]
            yield from ((_id(stack, logical_id), _id(stack, one)) for one in registers)
        if resource["Type"] == "AWS::SageMaker::Model":
            followed = template.get("Outputs", {}).get("ModelPackageGroup", {}).get("Value")
            yield from ((group, _id(stack, logical_id)) for group in _groups(templates, followed))


def _groups(templates: Mapping[str, Any], name: object) -> Iterator[str]:
    """The model package groups of that name: their approved versions reach the model."""
    for stack, template in templates.items():
        for logical_id, resource in _shown(template):
            if name and resource.get("Properties", {}).get("ModelPackageGroupName") == name:
                yield _id(stack, logical_id)


def _type(template: Mapping[str, Any], logical_id: str) -> str:
    return str(template["Resources"].get(logical_id, {}).get("Type", ""))


def _reachable(resource: Mapping[str, Any], template: Mapping[str, Any]) -> set[str]:
    """What the resource refers to, through the hidden hops."""
    found: set[str] = set()
    waiting = list(_references(resource.get("Properties")))
    while waiting:
        target = waiting.pop()
        if target in found:
            continue
        found.add(target)
        there = template["Resources"].get(target, {})
        if there.get("Type") in HIDDEN_HOPS:
            waiting.extend(_references(there.get("Properties")))
    return found


def _references(value: Any) -> Iterator[str]:
    """Every logical id or parameter a value names, by Ref, Fn::GetAtt or Fn::Sub."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "Ref" and isinstance(inner, str):
                yield inner
            elif key == "Fn::GetAtt":
                yield inner[0] if isinstance(inner, list) else str(inner).split(".")[0]
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _label(logical_id: str) -> str:
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", NOISE.sub("", logical_id))
    words = [word for word in words if word not in {"Resource", "Storage", "Machine", "Default"}]
    seen: list[str] = []
    for word in words:
        if word not in seen:
            seen.append(word)
    return " ".join(seen) or logical_id


def _id(stack: str, logical_id: str = "") -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", f"{stack}_{logical_id}".strip("_"))


def put_into(readme: Path, chart: str) -> None:
    """The chart stands between the README's two picture marks, in place of the one before."""
    marked = re.compile(r"(<!-- picture -->\n).*?(<!-- /picture -->)", re.DOTALL)
    fenced = f"```mermaid\n{chart}\n```\n"
    old = readme.read_text(encoding="utf-8")
    new, count = marked.subn(lambda found: found[1] + fenced + found[2], old)
    if count != 1:
        sys.exit(f"{readme.name}: {count} places are marked <!-- picture --> ... <!-- /picture -->")
    readme.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    drawn = main(Path(sys.argv[1]))
    if len(sys.argv) > 2:
        put_into(Path(sys.argv[2]), drawn)
    else:
        sys.stdout.write(drawn + "\n")
