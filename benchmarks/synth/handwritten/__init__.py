"""The same resources in plain L1, as somebody writes them who knows every one by heart.

`Cfn*` classes, policies as dictionaries, references by attribute; no construct library, no checks.
`add(app, number)` makes an endpoint in a stack of its own.
"""

from handwritten.stack import add

__all__ = ["add"]
