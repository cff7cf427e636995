"""HTML to a tree of elements, with the standard library's parser; what a page means is read in `pages`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_INLINE = frozenset(("a", "b", "em", "i", "strong"))
_HIDDEN = frozenset(("script", "style", "template"))
# An opening tag of the left closes an open one of the right, unless one of the last stands between them.
_CLOSES = {
    "td": (("td", "th"), ("tr", "table")),
    "th": (("td", "th"), ("tr", "table")),
    "tr": (("tr",), ("table",)),
    "tbody": (("thead", "tbody"), ("table",)),
    "li": (("li",), ("ul", "ol")),
    "a": (("a",), ("td", "th", "li")),
}


@dataclass(slots=True, eq=False)
class Element:
    """One element of a page, its attributes, and what it holds in order: elements and text."""

    tag: str
    attributes: Mapping[str, str]
    content: list["Element | str"] = field(default_factory=list)

    def all(self, *tags: str) -> Iterator["Element"]:
        """Yield the elements of these tags inside this one, in the page's order; every element without tags."""
        waiting = list(reversed(self.content))
        while waiting:
            part = waiting.pop()
            if isinstance(part, Element):
                if not tags or part.tag in tags:
                    yield part
                waiting.extend(reversed(part.content))

    def text(self) -> str:
        """Return the visible text, with runs of white space (no-break spaces too) as one blank.

        >>> parse("<td><b>File Name</b><br> RVU24AR&nbsp;</td>").text()
        'File Name RVU24AR'
        """
        pieces: list[str] = []
        waiting = list(reversed(self.content))
        while waiting:
            part = waiting.pop()
            if isinstance(part, str):
                pieces.append(part)
            elif part.tag not in _HIDDEN:
                # NOTE: blocks and breaks part words; bold or a link inside a word doesn't.
                around = "" if part.tag in _INLINE else " "
                waiting.extend([around, *reversed(part.content), around])
        shown = "".join(c if c.isprintable() else " " for c in "".join(pieces))
        return " ".join(shown.split())

    def has_class(self, name: str) -> bool:
        """Return whether the element's class attribute names this class."""
        return name in self.attributes.get("class", "").split()


def parse(text: str) -> Element:
    """Return the root of a page's tree; tags that are left open or never opened are no error, as in a browser."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.open[0]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _CLOSES:
            self._close(*_CLOSES[tag])
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].content.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        # NOTE: a stray end tag in a cell must not close the table around it.
        self._close((tag,), () if tag == "table" else ("table",))

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)

    def _close(self, tags: tuple[str, ...], within: tuple[str, ...]) -> None:
        for i in range(len(self.open) - 1, 0, -1):
            if self.open[i].tag in tags:
                del self.open[i:]
                return
            if self.open[i].tag in within:
                return
