"""Whatever is not an element is text."""

import pytest

from kubectl_skoop.report.html.markup import Markup, h, join, raw

CASES = {
    "text is escaped": (h("p", "<b> & 'c' \"d\""), "<p>&lt;b&gt; &amp; &#x27;c&#x27; &quot;d&quot;</p>"),
    "an attribute is escaped": (h("p", title='"><script>'), '<p title="&quot;&gt;&lt;script&gt;"></p>'),
    "elements stand as they are": (h("p", h("b", "x")), "<p><b>x</b></p>"),
    "lists are joined": (h("ul", [h("li", text) for text in ("1", "2")]), "<ul><li>1</li><li>2</li></ul>"),
    "nothing is nothing": (h("p", None, [None]), "<p></p>"),
    "names of attributes": (
        h("a", class_="b", aria_label="c", tabindex=0), '<a class="b" aria-label="c" tabindex="0"></a>',
    ),
    "true and false": (h("input", checked=True, disabled=False, name=None), "<input checked>"),
    "controls are made visible": (h("p", "a\x1b\u202eb"), "<p>a\\x1b\\u202eb</p>"),
    "line ends are made visible": (h("p", "a\nb"), "<p>a\\nb</p>"),
    "raw": (h("style", raw("a>b{}")), "<style>a>b{}</style>"),
}  # fmt: skip


@pytest.mark.parametrize(("made", "wanted"), CASES.values(), ids=CASES)
def test_an_element(made: Markup, wanted: str) -> None:
    assert made == wanted


def test_what_is_added_to_markup_is_no_markup() -> None:
    assert not isinstance(h("b") + "<i>", Markup)
    assert join(h("b") + "<i>") == "&lt;b&gt;&lt;/b&gt;&lt;i&gt;"


def test_other_values_are_refused() -> None:
    with pytest.raises(TypeError, match="neither text nor element: 3"):
        h("p", 3)
