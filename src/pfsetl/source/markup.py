"""HTML as a tree of elements, read as browsers do by selectolax; what a page means is read in `pages`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

_INLINE = frozenset(("a", "b", "em", "i", "strong"))
_HIDDEN = frozenset(("script", "style", "template"))


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a page."""

    node: LexborNode

    @property
    def tag(self) -> str:
        """Its name in lower case."""
        return self.node.tag or ""

    @property
    def attributes(self) -> Mapping[str, str]:
        """Its attributes; one without a value has an empty one."""
        return {name: value or "" for name, value in self.node.attributes.items()}

    @property
    def children(self) -> list["Element"]:
        """The elements directly in it."""
        return [Element(node) for node in self.node.iter()]

    def all(self, *tags: str) -> Iterator["Element"]:
        """Yield the elements of these tags inside this one, in the page's order; every element without tags."""
        for node in self.node.css(", ".join(tags) or "*"):
            if node.mem_id != self.node.mem_id:
                yield Element(node)

    def text(self) -> str:
        """Return the visible text, with runs of white space (no-break spaces too) as one blank.

        >>> parse("<div><b>File Name</b><br> RVU24AR&nbsp;</div>").text()
        'File Name RVU24AR'
        """
        shown = "".join(c if c.isprintable() else " " for c in "".join(_pieces(self.node)))
        return " ".join(shown.split())

    def has_class(self, name: str) -> bool:
        """Return whether the element's class attribute names this class."""
        return name in self.attributes.get("class", "").split()


def parse(text: str) -> Element:
    """Return the root of a page's tree; tags that are left open or never opened are no error, as in a browser."""
    root = LexborHTMLParser(text).root
    return Element(root) if root is not None else parse("<html></html>")


def _pieces(root: LexborNode) -> Iterator[str]:
    """Yield the texts inside a node, without recursion: a page may nest its elements ten thousand deep."""
    waiting: list[LexborNode | str] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif part.tag == "-text":
            yield part.text_content or ""
        elif part.tag not in _HIDDEN:
            # NOTE: blocks and breaks part words; bold or a link inside a word doesn't.
            around = "" if part.tag in _INLINE else " "
            waiting.extend([around, *reversed(list(part.iter(include_text=True))), around])
