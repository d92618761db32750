"""Whether two apps make the same stacks, whatever they call their parts.

What is compared is all of a template but names nobody sees: logical ids, and the one name that our
constructs make from a path.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

Template = dict[str, Any]
# Made from the construct's path: no two libraries would make the same.
_GENERATED = "/aws/lambda/"


def templates(folder: Path) -> dict[str, Template]:
    """Every stack's template, by the stack's name."""
    return {
        file.name.removesuffix(".template.json"): json.loads(file.read_bytes())
        for file in sorted(folder.glob("*.template.json"))
    }


def differences(ours: Template, plain: Template) -> list[str]:
    """What only one of the two templates has, or has differently; nothing when they agree."""
    ours, plain = _renamed(ours), _renamed(plain)
    found = []
    for part in sorted({*ours, *plain}):
        one, other = ours.get(part, {}), plain.get(part, {})
        if one == other:
            continue
        for name in sorted({*one, *other}):
            if one.get(name) != other.get(name):
                found.append(f"{name}: ours {_text(one, name)}, by hand {_text(other, name)}")
    return found


def _text(part: dict[str, Any], name: str) -> str:
    return json.dumps(part[name], sort_keys=True) if name in part else "has none"


def _renamed(template: Template) -> Template:
    """Resources named by type and order, outputs by what they tell."""
    seen: Counter[str] = Counter()
    names = {}
    for id_, resource in template["Resources"].items():
        seen[resource["Type"]] += 1
        names[id_] = f"{resource['Type']} {seen[resource['Type']]}"
    outputs = [_referring(one, names) for one in template["Outputs"].values()]
    return {
        **template,
        "Resources": {
            names[id_]: _referring(_ungenerated(one), names)
            for id_, one in template["Resources"].items()
        },
        "Outputs": {json.dumps(one, sort_keys=True): "there" for one in outputs},
    }


def _ungenerated(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource without the name that is made from a path."""
    properties = resource.get("Properties", {})
    if str(properties.get("LogGroupName")).startswith(_GENERATED):
        return {**resource, "Properties": {**properties, "LogGroupName": f"{_GENERATED}..."}}
    return resource


def _referring(value: Any, names: dict[str, str]) -> Any:
    """The value with every logical id by its new name."""
    if isinstance(value, list):
        return [_referring(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    renamed: dict[str, Any] = {}
    for key, one in value.items():
        match key, one:
            case "Ref", str():
                renamed[key] = names.get(one, one)
            case "Fn::GetAtt", [id_, attribute]:
                renamed[key] = [names[id_], attribute]
            case "DependsOn", list():
                renamed[key] = sorted(names[id_] for id_ in one)
            case _:
                renamed[key] = _referring(one, names)
    return renamed
