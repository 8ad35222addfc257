"""The question: a form that works without a script, with completion where there is one."""

from typing import get_args

from kubectl_skoop.diagnosis.request import ProtocolName, Request
from kubectl_skoop.report.html.markup import Markup, h
from kubectl_skoop.report.html.words import words_of


def question_form(request: Request) -> Markup:
    """Filled with what was asked before."""
    words = words_of(request)
    return h(
        "form",
        h(
            "div",
            _field("s", "Source", request.source, complete="names", required=True, hint="pod/shop/cart"),
            h(
                "button",
                "⇄",
                type="button",
                id="swap",
                class_="plain",
                hidden=True,
                title="Swap the two ends",
            ),
            _field(
                "d", "Destination", request.destination, complete="names", required=True, hint="svc/shop/db"
            ),
            _field("p", "Port", request.port, complete="ports", hint="only one"),
            h("label", h("span", "Protocol"), h("select", _protocols(request.protocol), name="protocol")),
            h("button", "Ask", type="submit"),
            class_="fields",
        ),
        h(
            "details",
            h("summary", "More of the packet"),
            h(
                "div",
                _field("sport", "Source port", words.get("sport", ""), hint="chosen by the kernel"),
                _field("size", "IP length, bytes", words.get("size", ""), hint="a SYN"),
                _field("uid", "User id of the sender", words.get("uid", ""), hint="0"),
                _field("n", "Namespace of bare names", request.namespace),
                h(
                    "label",
                    h("input", type="checkbox", name="df", value="1", checked=request.df),
                    h("span", " Don't fragment"),
                    class_="check",
                ),
                class_="fields",
            ),
            open=bool(words.keys() & {"sport", "size", "uid", "n", "df"}),
        ),
        action="ask",
        method="get",
        class_="question",
        id="question",
    )


def _protocols(chosen: str) -> list[Markup]:
    return [h("option", name, value=name, selected=name == chosen) for name in get_args(ProtocolName)]


def _field(
    name: str, label: str, value: str, *, complete: str = "", required: bool = False, hint: str = ""
) -> Markup:
    return h(
        "label",
        h("span", label),
        h(
            "input",
            name=name,
            value=value,
            placeholder=hint or None,
            required=required,
            data_complete=complete or None,
            autocomplete="off",
            spellcheck="false",
            autocapitalize="off",
        ),
        class_=f"field field-{name}",
    )
