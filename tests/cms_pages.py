"""Pages in the structure of CMS's index of relative value files and of its release pages, with their oddities.

Nothing here is copied from CMS: it is the structure in little, a Drupal view with a table, and a node with fields.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

PHYSICIAN = "/medicare/payment/fee-schedules/physician"
FILES = f"{PHYSICIAN}/pfs-relative-value-files"


@dataclass(frozen=True)
class Row:
    """One row of the index as CMS lists it: name and year as shown, the link as published (None: no link)."""

    name: str
    year: str
    href: str | None


def site(title: str, main: str) -> str:
    """A page of the site around its content: menus, scripts, an unclosed paragraph, links that are no releases."""
    return f"""<!DOCTYPE html>
<html lang="en" dir="ltr"><head><meta charset="utf-8"><title>{escape(title)} | CMS</title>
<script>var menu = "<table><tr><th>File Name</th></tr><tr><td><a href='/x'>RVU99D</a></td></tr></table>";</script>
<link rel="shortcut icon" href="/favicon.ico"></head><body>
<nav><ul><li><a href="/medicare">Medicare<li><a href="{PHYSICIAN}">Physician Fee Schedule</a>
<li><a href="{PHYSICIAN}/national-payment-amount-file">National Payment Amount File</a></ul></nav>
<main><p>Published &amp; kept by CMS.<br>{main}</main>
<footer><a href="#top">Top</a><a>Nowhere</a><a href="mailto:web@example.org">Write</a>
<a href="http://[bad">Odd</a></footer></body></html>"""


def table(rows: Sequence[Row], *, narrow_labels: bool = True, file_name_first: bool = False) -> str:
    """The table of the index; narrow screens see each column's name inside each cell."""
    heads = ["<th scope='col'><a href='?order=year&amp;sort=asc'>Calendar Year</a></th>", "<th>File Name</th>"]
    lines = []
    for row in rows:
        year, name = ("<b>Name</b>\n", "<b>File Name</b>\n") if narrow_labels else ("", "")
        linked = escape(row.name, quote=False).replace("\u00a0", "&nbsp;")
        if row.href is not None:
            linked = f'<a href="{escape(row.href)}" hreflang="en">{linked}</a>'
        cells = [f"<td>{year}{row.year}</td>", f"<td>{name}{linked}</td>"]
        lines.append("<tr>" + "".join(cells[::-1] if file_name_first else cells) + "</tr>")
    head = "".join(heads[::-1] if file_name_first else heads)
    return f"<table class='views-table'><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def index(
    rows: Sequence[Row], *, next_href: str | None = None, narrow_labels: bool = True, file_name_first: bool = False
) -> str:
    """CMS's index of releases, or one page of it."""
    pager = f'<nav><ul><li class="pager__item"><a href="{next_href}" rel="next">Next</a></li></ul></nav>'
    main = table(rows, narrow_labels=narrow_labels, file_name_first=file_name_first)
    return site("PFS Relative Value Files", main + (pager if next_href else ""))


def release(
    label: str, zips: Sequence[tuple[str, str]], *, year: str = "2026", description: str = "January release"
) -> str:
    """A release's page: fields, then the downloads as (href, words of the link)."""
    fields = {"calendar-year": ("Name", year), "file-name": ("File Name", label)}
    if description:
        fields["description"] = ("Description", description)
    shown = "".join(
        f"<div class='field field--name-field-dyna-{name} field--type-string'><div class='field__label'>{words}</div>"
        f"<div class='field__item'>{escape(value)}</div></div>"
        for name, (words, value) in fields.items()
    )
    links = "".join(
        f'<li class="field__item"><a href="{escape(h)}" hreflang="en">{escape(t)}</a></li>' for h, t in zips
    )
    downloads = f"<h2 class='field__label'>Downloads</h2><ul class='field__items'>{links}</ul>"
    node = f"<div class='field field--name-field-downloads'>{downloads}</div>"
    return site(label, f"<article class='node node--type-dynamic-list-item'>{shown}{node}</article>")


def licence(file: str) -> str:
    """The page that asks to accept the AMA's terms before a file."""
    form = f"<form action='{escape(file)}'><input type='hidden' name='agree' value='yes'><button>Accept</button></form>"
    return site("License Agreement", f"<h1>License</h1><p>Terms.</p>{form}")
