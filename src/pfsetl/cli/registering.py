"""The command that registers the versions of a store as Iceberg tables."""

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pfsetl.cli import render, terminal
from pfsetl.cli.options import DEFAULT_OUTPUT, Json, Output
from pfsetl.errors import UsageError
from pfsetl.plural import count
from pfsetl.publication import version
from pfsetl.remedies import installing
from pfsetl.storage.opening import open_store

if TYPE_CHECKING:
    from pfsetl.iceberg.register import Registration


def iceberg(
    *,
    base: str | None = None,
    keep: int | None = None,
    again: Annotated[bool, Parameter(negative="")] = False,
    remove: Annotated[bool, Parameter(negative="")] = False,
    output: Output = DEFAULT_OUTPUT,
    json: Json = False,
) -> None:
    """Register the published files as Iceberg tables: a snapshot and a tag for each version, no file copied.

    Run it again after each publish. A version that has a tag isn't pruned.

    Parameters
    ----------
    base
        The address under which readers find the store, such as s3://bucket/prefix or file:///data/mpfs. Iceberg's
        addresses are absolute, so give it again after the store was moved. Default: where the store is.
    keep
        Keep only the tags of this many of the newest versions; a prune may then take the others.
    again
        Write all tables anew, from the published versions.
    remove
        Remove the tables and give all versions up. No published file is touched.
    """
    if remove and (base or keep is not None or again):
        raise UsageError("--remove goes with no other choice. Give it alone, or leave it out.")
    registering, store = _library(), open_store(output)
    if remove:
        _removed(registering.remove(store), json)
        return
    with terminal.watching("registering the versions as Iceberg tables"):
        done = registering.register(store, base, keep=keep, again=again)
    beside = sorted({one.kind for one in version.open_version(store).companions})
    if json:
        print(render.as_json(_told(done) | {"not_registered": beside}))
    else:
        _say(done, beside)


def _library() -> Any:
    """Return the module that registers; raises UsageError where pyiceberg isn't installed."""
    try:
        from pfsetl.iceberg import register
    except ImportError as error:
        raise UsageError(f"pyiceberg isn't installed. {installing('iceberg')}") from error
    return register


def _removed(names: tuple[str, ...], json: bool) -> None:
    if json:
        print(render.as_json({"removed": names}))
    elif names:
        print(
            f"{count(len(names), 'file')} of Iceberg tables removed, all versions given up; "
            "no published file is touched"
        )
    else:
        print("unchanged: there are no Iceberg tables")


def _told(done: "Registration") -> dict[str, Any]:
    return {
        "registered": bool(done.changed),
        "base": done.base,
        "base_before": done.base_before,
        "versions": done.versions,
        "added": done.added,
        "given_up": done.given_up,
        "tables": done.tables,
        "notes": done.notes,
    }


def _say(done: "Registration", beside: list[str]) -> None:
    tagged = ", ".join(f"v{number}" for number in done.versions)
    if not done.changed:
        print(f"unchanged: {len(done.tables)} Iceberg tables under {done.base}, with the tags {tagged}")
    else:
        if done.base_before:
            print(f"made anew for {done.base}; these tables were made for {done.base_before} before")
        for note in done.notes:
            print(terminal.plain(note))
        if done.added:
            print(f"added: {', '.join(f'v{number}' for number in done.added)}")
        if done.given_up:
            print(f"given up: {', '.join(f'v{number}' for number in done.given_up)}")
        print(f"{len(done.tables)} Iceberg tables under {done.base}, with the tags {tagged}")
    cells = [(name, address.removeprefix(f"{done.base}/")) for name, address in done.tables.items()]
    render.console().print(render.table("", ("table", "metadata"), cells))
    if beside:
        print(f"not registered, as they belong to no version: {', '.join(beside)}")
