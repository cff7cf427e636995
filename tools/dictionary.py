"""The data dictionary: a contract as a page for people."""

from collections.abc import Iterator

from pfsetl.declared.contracts import Contract, Table, type_name

_PREFACE = """\
# {title}

Contract `{id}` {version}. `make docs` writes this page: change the contract in `schemas/` instead.

{usage}

*key*: part of the key; *null*: may be null. A broken `error` rule stops the release, a `warn` does not.
"""


def dictionary(contract: Contract, title: str = "Tables") -> str:
    """Return the data dictionary, in Markdown: what every table holds, its columns and its rules."""
    lines = [_PREFACE.format(title=title, id=contract.id, version=contract.version, usage=contract.usage)]
    lines += [f"* [`{name}`](#{name})" for name in contract.tables]
    for table in contract.tables.values():
        lines += ["", *_section(table)]
    return "\n".join(lines) + "\n"


def _section(table: Table) -> Iterator[str]:
    yield f"## {table.name}\n\n{table.description}\n"
    if table.members:
        yield f"Made of the members {', '.join(table.members)}.\n"
    if table.over:
        yield f"Made when a version is committed: {table.over}.\n"
    yield "| column | type | | unit | meaning |\n|---|---|---|---|---|"
    for column in table.columns:
        mark = "key" if column.key else "null" if column.nullable else ""
        about = f"{type_name(column.dtype)} | {mark} | {column.unit or ''} | {column.description}"
        yield f"| `{column.name}` | {about} |"
    if table.rules:
        yield "\n| rule | severity | meaning |\n|---|---|---|"
    for rule in table.rules:
        yield f"| `{rule.name}` | {rule.severity} | {rule.description} |"
