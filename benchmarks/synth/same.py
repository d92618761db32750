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
    outputs = {json.dumps(one, sort_keys=True): True for one in template["Outputs"].values()}
    resources = {names[id_]: one for id_, one in template["Resources"].items()}
    return {**template, "Resources": _referring(resources, names), "Outputs": outputs}


def _referring(value: Any, names: dict[str, str]) -> Any:
    """The value with every logical id by its new name."""
    match value:
        case {"Ref": id_}:
            return {"Ref": names.get(id_, id_)}
        case {"Fn::GetAtt": [id_, attribute]}:
            return {"Fn::GetAtt": [names[id_], attribute]}
        case {"Type": "AWS::Logs::LogGroup", "Properties": properties, **rest} if properties[
            "LogGroupName"
        ].startswith(_GENERATED):
            properties = {**properties, "LogGroupName": f"{_GENERATED}..."}
            return {"Properties": _referring(properties, names), **rest}
        case dict():
            return {
                key: sorted(names[id_] for id_ in one)
                if key == "DependsOn"
                else _referring(one, names)
                for key, one in value.items()
            }
        case list():
            return [_referring(one, names) for one in value]
    return value
