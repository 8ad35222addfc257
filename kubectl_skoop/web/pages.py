"""Addresses and what is behind each: a request's words in, a page out."""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlencode

from kubectl_skoop.cluster.policy.listed import check_listed
from kubectl_skoop.diagnosis.request import Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.errors import InputError, SkoopError
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.model.trace import Trace
from kubectl_skoop.report.connectivity.view import View, classes_of
from kubectl_skoop.report.explain import section
from kubectl_skoop.report.html import ask, check_page, codes_page, matrix_pages, places
from kubectl_skoop.report.html.answer import diagnosis_html
from kubectl_skoop.report.html.cluster_page import cluster_page
from kubectl_skoop.report.html.links import Links
from kubectl_skoop.report.html.page import asset
from kubectl_skoop.report.html.words import options_of, query_of, request_of
from kubectl_skoop.report.inspect import WHATS
from kubectl_skoop.report.inspect.found import entries_of, table_with
from kubectl_skoop.report.inspect.marks import table_of, table_of_finding
from kubectl_skoop.report.json import json_text
from kubectl_skoop.web.cluster import cluster_view
from kubectl_skoop.web.findings import check_view, wanted_of
from kubectl_skoop.web.names import matching, ports_of
from kubectl_skoop.web.session import Session
from kubectl_skoop.web.tables import table_view
from kubectl_skoop.web.words import Words, number_of

_TEXT = 200
"""Characters of an entry that an address holds, so that its line is shown first."""
_HTML, _JSON = "text/html; charset=utf-8", "application/json"


class Page(NamedTuple):
    """What is sent."""

    body: str
    type: str = _HTML
    status: int = 200
    file: str = ""
    """The name to keep it under, instead of showing it."""


def page(session: Session, path: str, words: Words) -> Page:
    """`path`: behind the token, without a slash. An error of the request is a page, too."""
    made = _PAGES.get(path)
    if made is None:
        return Page(ask.problem_page("not found", f"There is no page {path}."), status=404)
    try:
        return made(session, words)
    except SkoopError as error:
        return Page(ask.problem_page("not answered", f"{error}", error.hint), status=400)


def _home(session: Session, words: Words) -> Page:
    names = session.names
    with session.reading() as source:
        lost = [str(gap) for gap in source.missing]
    counts = [("nodes", len(names.nodes)), ("services", len(names.services)), ("pods", len(names.pods))]
    return Page(ask.home_page(request_of(words), ask.Contents(counts, lost)))


def _ask(session: Session, words: Words) -> Page:
    request = _filled(words)
    try:
        request = request_of(words)
        diagnosis = _diagnosis(session, request)
    except SkoopError as error:
        return Page(ask.refused_page(request, str(error), error.hint), status=400)
    return Page(
        ask.answer_page(request, diagnosis, _links(request), options_of(session.path, session.options))
    )


def _filled(words: Words) -> Request:
    """What of a wrong question the form may keep."""
    return Request(
        source=words.get("s", ""),
        destination=words.get("d", ""),
        port=words.get("p", ""),
        namespace=words.get("n", ""),
    )


def _diagnosis(session: Session, request: Request) -> Diagnosis:
    """Raises: InputError, NoVerdict."""
    if not request.source or not request.destination:
        raise InputError(f"the {'source' if not request.source else 'destination'} is missing")
    return session.diagnosis(request)


def _links(request: Request) -> Links:
    query = query_of(request)

    def tables(place: Place) -> str:
        return _table_href(place, WHATS[0], query)

    def step(place: Place, met: Trace) -> str:
        return _table_href(met.where.place or place, table_of(met), query, met.text)

    def finding(found: Suspicion) -> str:
        return _table_href(found.where.place, table_of_finding(found), query, next(iter(found.evidence), ""))

    return Links(tables, step, finding, codes_page.code_href)


def _finding_href(found: Suspicion) -> str:
    entry = next(reversed(entries_of(found)), "")
    return _table_href(found.where.place, table_with(found), "check=1", entry)


def _table_href(place: Place | None, what: str, kept: str, text: str = "") -> str:
    """`kept`: what the marks tell of. `text`: of the line to show first."""
    if place is None or place.kind not in ("node", "pod") or not what:
        return ""
    words = {"at": str(place), "what": what} | ({"to": text[:_TEXT]} if text else {})
    return f"place?{urlencode(words)}&{kept}" + (f"#{places.FOCUS}" if text else "")


def _answer_file(session: Session, words: Words) -> Page:
    return Page(diagnosis_html(_diagnosis(session, request_of(words))), file="answer.html")


def _answer_json(session: Session, words: Words) -> Page:
    from kubectl_skoop.report.fields import diagnosis_fields

    fields = diagnosis_fields(_diagnosis(session, request_of(words)))
    return Page(json_text(fields), _JSON, file="answer.json")


def _names(session: Session, words: Words) -> Page:
    found = matching(session.names.all, words.get("q", ""))
    return Page(json_text({"names": list(found.names), "more": found.more}), _JSON)


def _ports(session: Session, words: Words) -> Page:
    with session.reading() as source:
        return Page(json_text({"names": list(ports_of(source, words.get("d", ""))), "more": False}), _JSON)


def _places(session: Session, words: Words) -> Page:
    searched = words.get("q", "")
    found = matching(session.names.places, searched)
    return Page(places.places_page(found.names, searched, more=found.more))


def _place(session: Session, words: Words) -> Page:
    return Page(places.table_page(table_view(session, words)))


def _place_names(session: Session, words: Words) -> Page:
    found = matching(session.names.places, words.get("q", ""))
    return Page(json_text({"names": list(found.names), "more": found.more}), _JSON)


def _check(session: Session, words: Words) -> Page:
    check = session.check()
    if check is None:
        return Page(check_page.checking_page())
    links = Links(finding=_finding_href, code=codes_page.code_href)
    return Page(check_page.check_page(check_view(session, check, wanted_of(words)), links))


def _cluster(session: Session, words: Words) -> Page:
    return Page(cluster_page(cluster_view(session, words)))


def _codes(session: Session, words: Words) -> Page:
    code = words.get("code", "")
    check = session.checked()
    found = sorted({finding.code for finding in check.suspicions}) if check else []
    if not code:
        return Page(codes_page.codes_page(found))
    text = section(code)
    if text is None:
        raise InputError(f"no such code: {code}", hint="the page Codes lists them")
    return Page(codes_page.code_page(code, text, found=code in found))


def _matrix(session: Session, words: Words) -> Page:
    window = matrix_pages.Window(
        words.get("from", "").strip(),
        words.get("to", "").strip(),
        number_of(words, "down"),
        number_of(words, "across"),
    )
    try:
        found = session.connectivity()
        if found is None:
            return Page(matrix_pages.waiting_page())
        with session.reading() as source:
            warning = check_listed(source, source.kinds())
        view = View(
            found,
            classes_of(found, window.source) if window.source else found.workloads,
            classes_of(found, window.destination) if window.destination else found.workloads,
            incoming=not window.source,
            outgoing=not window.destination,
            warning=warning,
        )
    except SkoopError as error:
        return Page(matrix_pages.refused_matrix_page(window, ask.problem(str(error), error.hint)), status=400)
    return Page(matrix_pages.matrix_page(view, window))


_PAGES: dict[str, Callable[[Session, Words], Page]] = {
    "": _home,
    "ask": _ask,
    "answer.html": _answer_file,
    "answer.json": _answer_json,
    "check": _check,
    "cluster": _cluster,
    "codes": _codes,
    "names": _names,
    "place-names": _place_names,
    "ports": _ports,
    "places": _places,
    "place": _place,
    "matrix": _matrix,
    "icon.svg": lambda session, words: Page(asset("icon.svg"), "image/svg+xml"),
    "skoop.css": lambda session, words: Page(asset("skoop.css"), "text/css; charset=utf-8"),
    "skoop.js": lambda session, words: Page(asset("skoop.js"), "text/javascript; charset=utf-8"),
}
