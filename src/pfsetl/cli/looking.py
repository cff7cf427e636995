"""Commands that show what is published as pages."""

import webbrowser
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from pfsetl.cli import render, terminal
from pfsetl.cli.options import DEFAULT_OUTPUT, Json, Output
from pfsetl.plural import count
from pfsetl.publication import version
from pfsetl.publication.version import Version
from pfsetl.remedies import command
from pfsetl.site import serving, single, writing

PORT = 8765
Descriptors = Annotated[
    str | None,
    Parameter(help="A store of CMS's descriptors, to show what codes are called. Licensed text: not for the public."),
]


def site(
    out: Path,
    *,
    descriptors: Descriptors = None,
    parquet: str = "",
    output: Output = DEFAULT_OUTPUT,
    at: int | None = None,
    json: Json = False,
) -> None:
    """Make a static site of one version, for any web server: a page for every code. Made again, it writes what changed.

    Parameters
    ----------
    out
        The folder of the site; new, empty, or that of a site.
    parquet
        Where browsers find the store, such as https://example.org/mpfs, or ../mpfs beside the site: pages then link to
        the Parquet file of their numbers.
    at
        A version number; default the newest.
    """
    opened = version.open_version(output, at)
    with terminal.watching(f"making the site of version {opened.number}"):
        done = writing.write(opened, out, _texts(descriptors), parquet)
    if json:
        print(render.as_json(asdict(done) | {"folder": str(done.folder)}))
        return
    print(
        f"version {done.version}: {count(done.files, 'file')}, {done.bytes:,} bytes in {done.folder}; "
        f"{done.written} written, {done.removed} removed"
    )
    print(f"put the folder on any web server; to look at it here: {command('serve', opened.store)}")


def serve(
    *,
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65_535))] = PORT,
    descriptors: Descriptors = None,
    open_: Annotated[bool, Parameter(name="--open", negative="", help="Open the page in the browser.")] = False,
    output: Output = DEFAULT_OUTPUT,
) -> None:
    """Show the pages of the newest version on this machine, until Ctrl-C. No other machine can reach them.

    Parameters
    ----------
    port
        Of the address; 0 takes one that is free.
    """
    opened = version.open_version(output)
    with terminal.watching(f"making the pages of version {opened.number}"):
        server = serving.server(opened, port, lambda told: print(terminal.plain(told)), _texts(descriptors))
    address = f"http://{serving.LOOPBACK}:{server.server_port}/"
    print(f"version {opened.number} of {terminal.plain(str(opened.store))}: {address}\nCtrl-C ends it.", flush=True)
    if open_:
        webbrowser.open(address)
    with server:
        server.serve_forever()


def page(
    code: str, file: Path, *, descriptors: Descriptors = None, output: Output = DEFAULT_OUTPUT, at: int | None = None
) -> None:
    """Write the page of one code into one file, with its data inside: it opens from a disk and can be mailed.

    Parameters
    ----------
    code
        A CPT or HCPCS code, e.g. 97761.
    file
        Such as 97761.html.
    at
        A version number; default the newest.
    """
    opened = version.open_version(output, at)
    content = single.page(opened, code, _texts(descriptors))
    single.write(content, file)
    print(f"version {opened.number}: {file}, {len(content):,} bytes")


def _texts(descriptors: str | None) -> Version | None:
    return version.open_version(descriptors) if descriptors else None
