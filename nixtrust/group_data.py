"""Where in a group's data file a value is declared."""

from __future__ import annotations

import ast


def line_of(source: str, key: str, value: object) -> int | None:
    """The line that declares a part of a key's value; the key's own line if the part is not found.

    + source: text of the Python file.
    + value: the literal to look for; a list or a dict is not looked for.

    None if the file does not assign the key at its top level, or is not Python.
    """
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    assigned = [node for node in module.body if key in _targets(node)]
    if not assigned:
        return None
    # The last assignment is what pyinfra sees; its parts may be named further up.
    for within in (assigned[-1], module):
        for node in ast.walk(within):
            if isinstance(node, ast.Constant) and _same(node.value, value):
                return node.lineno
    return assigned[-1].lineno


def _targets(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _same(literal: object, value: object) -> bool:
    """Equal and of one type: 1 is not True."""
    return type(literal) is type(value) and literal == value and value is not None
