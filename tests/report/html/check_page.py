"""What no page may have, whatever is in the snapshot: read by a parser that is not ours."""

from html.parser import HTMLParser

ALLOWED = {
    "html", "head", "meta", "title", "link", "style", "script", "body", "header", "span", "nav", "button",
    "main", "div", "article", "section", "h1", "h2", "h3", "p", "a", "b", "ul", "ol", "li", "dl", "dt", "dd",
    "code", "strong", "details", "summary", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure",
    "output", "form", "label", "input", "select", "option", "mark", "meter",
    "svg", "desc", "g", "rect", "path", "polygon", "circle", "text",
}  # fmt: skip
"""Elements that our own code writes."""


class Page(HTMLParser):
    """Raises AssertionError at the first thing that a page may not have."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.classes: list[str] = []
        self.text = ""
        self.scripts = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        self.tags.append(tag)
        self.scripts += tag == "script"
        for name, value in attributes:
            assert not name.startswith("on"), name
            assert name != "style", f"{tag}: {value}"
            if name in ("href", "src", "action"):
                self.addresses.append(value or "")
            elif name == "id":
                self.ids.append(value or "")
            elif name == "class":
                self.classes += (value or "").split()

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_data(self, data: str) -> None:
        self.text += data


def check(text: str) -> Page:
    """The parsed page."""
    page = Page()
    page.feed(text)
    page.close()
    assert len(page.ids) == len(set(page.ids))
    for address in page.addresses:
        assert not address.startswith(("http:", "https:", "//", "javascript:", "data:")), address
        if address.startswith("#"):
            assert address[1:] in page.ids, address
    return page
