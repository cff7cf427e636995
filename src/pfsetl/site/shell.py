"""The page itself: its style, its scripts of the files in `app/`, and a policy that allows nothing from elsewhere."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from pfsetl.errors import ContractError

APP = Path(__file__).parent / "app"
FIRST, MORE = "main", "more"
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([\w-]+)\.js";$', re.MULTILINE)
_GIVEN_ON = re.compile(r"^export \{[^}]*\};$", re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:function|const|class) (\w+)|^export \{([^}]*)\};$", re.MULTILINE)


@cache
def scripts() -> dict[str, str]:
    """Return the modules of the app as classic scripts: `app.js`, and `more.js`, which is loaded when it's wanted.

    A page that reads thirty small files waits for thirty answers; one that is opened from a disk may not import any. So
    each module becomes a function that returns what it exports. Raises ContractError where two import each other.
    """
    made, before = {}, list[str]()
    for first, opening in ((FIRST, "const pfs = {};\n"), (MORE, "")):
        order = list(before)
        _after_its_imports(first, order, ())
        made[first] = f'"use strict";\n{opening}{"".join(map(_as_function, order[len(before) :]))}'
        before = order
    return {"app.js": made[FIRST], "more.js": made[MORE]}


def _text(name: str) -> str:
    return (APP / f"{name}.js").read_text(encoding="utf-8")


def _after_its_imports(name: str, order: list[str], above: tuple[str, ...]) -> None:
    if name in above:
        raise ContractError(f"{APP}: {' imports '.join((*above, name))}. Let one of them import nothing of the other.")
    for _, imported in _IMPORT.findall(_text(name)):
        if imported not in order:
            _after_its_imports(imported, order, (*above, name))
    order.append(name)


def _as_function(name: str) -> str:
    text = _text(name)
    names = ", ".join(one or several for one, several in _EXPORT.findall(text))
    inside = _IMPORT.sub(lambda found: f"const {found[1]} = {_variable(found[2])};", text)
    lines = (line.strip().removeprefix("export ") for line in _GIVEN_ON.sub("", inside).splitlines())
    kept = "\n".join(line for line in lines if line and not line.startswith("//"))
    return f"{_variable(name)} = (() => {{\n{kept}\nreturn {{{names}}};\n}})();\n"


def _variable(name: str) -> str:
    return f"pfs.{name.replace('-', '_')}"


@cache
def style() -> str:
    """Return the style, without the space that only its readers need."""
    text = (APP / "site.css").read_text(encoding="utf-8")
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)).strip() + "\n"


def site_page(base: bytes, dataset: bytes) -> bytes:
    """Return index.html of a site: its style and what it knows of its version inside, its script beside it.

    `dataset` is what search engines for data sets read, as JSON; it runs nothing.
    """
    inside = f'<script type="application/ld+json">{_embedded(dataset)}</script>\n<script src="app.js" defer></script>'
    return _page(base, inside, "script-src 'self'; connect-src 'self'")


def single_page(base: bytes, files: bytes, title: str) -> bytes:
    """Return a page in one file, which opens from a disk: `files` are the data files that it would load, as JSON."""
    text = "".join(scripts().values())
    inside = f'<script type="application/json" id="files">{_embedded(files)}</script>\n<script>{text}</script>'
    return _page(base, inside, f"script-src '{_sha256(text)}'", title)


def _page(base: bytes, scripts: str, allowed: str, title: str = "Medicare Physician Fee Schedule") -> bytes:
    css = style()
    policy = (
        f"default-src 'none'; {allowed}; style-src '{_sha256(css)}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    text = (APP / "page.html").read_text(encoding="utf-8")
    parts = {"policy": policy, "title": title, "style": css, "base": _embedded(base), "scripts": scripts}
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], text).encode()


def _embedded(data: bytes) -> str:
    """Return JSON as it may stand in a page: nothing in it ends the element that holds it."""
    return data.decode().replace("<", "\\u003c")


def _sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
