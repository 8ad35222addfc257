"""The server over real connections: who is let in, what is sent, and each page."""

import http.client
import json
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest

from kubectl_skoop.model.errors import InputError
from kubectl_skoop.web import session as sessions
from kubectl_skoop.web.address import listen_address
from kubectl_skoop.web.connecting import connectivity_of
from kubectl_skoop.web.server import Server
from tests.report.html.check_page import Page, check
from tests.web.conftest import SNAPSHOTS, serving

QUESTION = {"s": "pod/default/a", "d": "svc/default/pair", "p": "80"}


class Got(NamedTuple):
    status: int
    headers: Mapping[str, str]
    text: str


def get(server: Server, path: str, *, method: str = "GET", host: str = "", whole: bool = False) -> Got:
    """`whole`: the path as it is, without the server's token before it."""
    home = urlsplit(server.home)
    connection = http.client.HTTPConnection("127.0.0.1", home.port or 0, timeout=30)
    try:
        connection.putrequest(method, path if whole else home.path + path, skip_host=True)
        connection.putheader("Host", host or home.netloc)
        connection.endheaders()
        answer = connection.getresponse()
        return Got(answer.status, dict(answer.headers), answer.read().decode())
    finally:
        connection.close()


def page(server: Server, path: str, words: Mapping[str, str] | None = None, status: int = 200) -> Page:
    got = get(server, f"{path}?{urlencode(words or {})}")
    assert got.status == status, got.text
    assert got.headers["Content-Type"] == "text/html; charset=utf-8"
    return check(got.text)


def test_without_the_token_nothing_is_given(server: Server) -> None:
    token = server.token
    for path in (
        "/",
        "/ask",
        f"/{token}",
        f"/{token[:-1]}/",
        f"/{token}x/",
        "/skoop.js",
        "/%C3%A9/",
    ):
        got = get(server, path, whole=True)
        assert got.status == 403, path
        assert token not in got.text
        assert "Content-Security-Policy" in got.headers


def test_tokens_are_long_and_new() -> None:
    with serving(SNAPSHOTS / "healthy-vxlan.skoop") as one, serving(SNAPSHOTS / "healthy-vxlan.skoop") as two:
        assert one.token != two.token
        assert len(one.token) >= 24


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1.example.org:80", "192.0.2.1"])
def test_another_host_is_refused_even_with_the_token(server: Server, host: str) -> None:
    got = get(server, "", host=host)
    assert got.status == 421
    assert "snapshot" not in got.text


def test_a_request_without_host_or_with_two_is_refused(server: Server) -> None:
    home = urlsplit(server.home)
    for lines in ([], ["Host: localhost", "Host: example.org"]):
        with socket.create_connection(("127.0.0.1", home.port or 0), timeout=30) as link:
            link.sendall(
                "\r\n".join([f"GET {home.path} HTTP/1.1", *lines, "Connection: close", "", ""]).encode()
            )
            assert link.makefile("rb").readline().split()[1] == b"421"


def test_what_is_no_address_is_refused(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    home = urlsplit(server.home)
    for target in (f"http://[{home.path}", f"{home.path}?{'&'.join(['a=1'] * 40)}"):
        with socket.create_connection(("127.0.0.1", home.port or 0), timeout=30) as link:
            link.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            assert link.makefile("rb").readline().split()[1] == b"400"
    assert capsys.readouterr().err == ""


def test_a_browser_that_goes_away_is_no_error(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    home = urlsplit(server.home)
    for sent in (
        b"",
        b"GET /x HTTP/1.1\r\nHo",
        f"GET {home.path}skoop.css HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
    ):
        link = socket.create_connection(("127.0.0.1", home.port or 0), timeout=30)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.sendall(sent)
        link.close()
    assert get(server, "").status == 200
    assert capsys.readouterr().err == ""


def test_localhost_is_as_good(server: Server) -> None:
    assert get(server, "", host="localhost:1").status == 200


def test_without_a_token_the_host_still_counts() -> None:
    with serving(SNAPSHOTS / "healthy-vxlan.skoop", token="") as server:
        assert server.home.endswith(f":{server.server_address[1]}/")
        assert get(server, "").status == 200
        assert get(server, "", host="example.org").status == 421


def test_where_others_may_come_addresses_are_known() -> None:
    with serving(SNAPSHOTS / "healthy-vxlan.skoop", remote=True) as server:
        assert get(server, "", host="192.0.2.1:80").status == 200
        assert get(server, "", host="example.org").status == 421


def test_the_headers_of_a_page(server: Server) -> None:
    headers = get(server, "").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] == "kubectl-skoop"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Set-Cookie" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(server: Server, method: str) -> None:
    got = get(server, "", method=method)
    assert got.status == 501
    assert "Content-Security-Policy" in got.headers


def test_head_sends_no_body(server: Server) -> None:
    got = get(server, "", method="HEAD")
    assert (got.status, got.text) == (200, "")
    assert int(got.headers["Content-Length"]) > 1000


def test_pages_that_are_not_there(server: Server) -> None:
    for path in ("x", "../", "skoop.css/..", "%2e%2e/pages.py", "ask/"):
        assert get(server, path).status == 404, path


def test_too_many_words_are_refused(server: Server) -> None:
    assert get(server, "ask?" + "&".join(f"a{number}=1" for number in range(40))).status == 400


@pytest.mark.parametrize(
    ("name", "kind"),
    [("skoop.css", "text/css"), ("skoop.js", "text/javascript"), ("icon.svg", "image/svg+xml")],
)
def test_files(server: Server, name: str, kind: str) -> None:
    got = get(server, name)
    assert got.status == 200
    assert got.headers["Content-Type"].startswith(kind)


def test_home(server: Server) -> None:
    found = page(server, "")
    assert "2 nodes, 6 services, 4 pods" in found.text
    assert "s" in found.text


def test_an_answer(server: Server) -> None:
    found = page(server, "ask", QUESTION)
    assert "1 of 2 backends answers, 50 % of connections fail" in found.text
    assert "kubectl skoop diagnose -s pod/default/a -d svc/default/pair -p 80" in found.text
    assert {"picture", "panel", "question"} <= set(found.classes)


def test_an_answer_to_keep(server: Server) -> None:
    got = get(server, f"answer.html?{urlencode(QUESTION)}")
    assert got.status == 200
    assert got.headers["Content-Disposition"] == 'attachment; filename="answer.html"'
    assert "sha256-" in got.text
    assert check(got.text).scripts == 1


def test_an_answer_for_programs(server: Server) -> None:
    answer = json.loads(get(server, f"answer.json?{urlencode(QUESTION)}").text)
    assert answer["kind"] == "Diagnosis"
    assert answer["verdict"] == "partial"


WRONG = {
    "unknown pod": ({"s": "pod/default/x"}, "there is no pod default/x"),
    "no name": ({"s": "<script>alert(1)</script>"}, "there is no pod <script>alert(1)</script>"),
    "no source": ({"s": ""}, "the source is missing"),
    "no destination": ({"d": ""}, "the destination is missing"),
    "bad port": ({"p": "99999"}, "99999"),
    "bad protocol": ({"protocol": "quic"}, "protocol quic: must be one of"),
    "bad size": ({"size": "-1"}, "size -1: must be a number"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_question_is_told_with_the_form(
    server: Server, words: Mapping[str, str], message: str
) -> None:
    found = page(server, "ask", {**QUESTION, **words}, status=400)
    assert message in found.text
    assert "question" in found.ids


def test_names_and_ports(server: Server) -> None:
    assert json.loads(get(server, "names?q=pair").text) == {"names": ["svc/default/pair"], "more": False}
    assert json.loads(get(server, "ports?d=svc/default/pair").text)["names"] == ["80"]
    assert json.loads(get(server, "ports?d=x").text)["names"] == []


def test_places(server: Server) -> None:
    assert "node/n1" in page(server, "places").text
    found = page(server, "places", {"q": "a2"}).text
    assert "pod/default/a2" in found
    assert "node/n1" not in found
    assert "Nothing has a name like that." in page(server, "places", {"q": "zzz"}).text


@pytest.mark.parametrize("place", ["node/n1", "pod/default/a"])
@pytest.mark.parametrize("what", ["routes", "links", "iptables", "nftables", "sockets", "sysctls"])
def test_tables(server: Server, place: str, what: str) -> None:
    found = page(server, "place", {"at": place, "what": what})
    assert not {"passed", "decided", "cause"} & set(found.classes)


def test_what_the_packet_met_is_marked(server: Server) -> None:
    words = {"at": "node/n1", "what": "iptables", **QUESTION}
    got = get(server, f"place?{urlencode(words)}")
    lines = got.text.split("<li ")
    (cause,) = [line for line in lines if 'class="cause"' in line]
    assert "KUBE-SEP-DUDST6I5MBWPTRQ6 -p tcp -m tcp -j DNAT --to-destination 10.244.2.77:8080" in cause
    assert 'id="shown-first"' in cause
    passed = [line for line in lines if 'class="passed"' in line]
    assert any("-A PREROUTING" in line and "jump KUBE-SERVICES" in line for line in passed)
    decided = [line for line in lines if 'class="decided"' in line]
    assert any("-A FLANNEL-FWD -s 10.244.0.0/16" in line for line in decided)
    assert "-A KUBE-MARK-MASQ" not in "".join([*passed, *decided])


def test_the_route_that_was_taken_is_marked(server: Server) -> None:
    words = {"at": "node/n1", "what": "routes", **QUESTION}
    lines = get(server, f"place?{urlencode(words)}").text.split("<li ")
    marked = [line for line in lines if 'class="decided"' in line]
    assert any("10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink" in line for line in marked)
    assert not any("default via" in line for line in marked)


def test_a_line_of_an_address_is_shown_first(server: Server) -> None:
    words = {"at": "node/n1", "what": "iptables", "to": "-A FORWARD -m comment", **QUESTION}
    lines = get(server, f"place?{urlencode(words)}").text.split("<li ")
    (first,) = [line for line in lines if 'id="shown-first"' in line]
    assert "-A FORWARD -m comment" in first


def test_each_link_of_an_answer_leads_to_a_page(server: Server) -> None:
    found = page(server, "ask", QUESTION)
    inner = {address.partition("#")[0] for address in found.addresses if address.startswith("place?")}
    assert len(inner) > 20
    for address in inner:
        assert get(server, address).status == 200, address


def test_finding_in_a_table(server: Server) -> None:
    found = page(server, "place", {"at": "node/n1", "what": "iptables", "find": "kube-sep-DUD"})
    assert "KUBE-SEP-DUDST6I5MBWPTRQ6" in found.text
    assert "KUBE-FIREWALL" not in found.text
    assert "No line has that text." in page(server, "place", {"at": "node/n1", "find": "zzz"}).text


@pytest.mark.parametrize(
    "words", [{}, {"at": "node/n9"}, {"at": "node/n1", "what": "x"}, {"at": "pod/../n1"}]
)
def test_no_such_table(server: Server, words: Mapping[str, str]) -> None:
    page(server, "place", words, status=400)


@pytest.mark.parametrize("number", ["0", "-1", "999999", "x", "9" * 100])
def test_a_page_number_that_is_none(server: Server, number: str) -> None:
    page(server, "place", {"at": "node/n1", "page": number})


def test_the_matrix_of_many_pods_comes_from_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MANY_PODS", 0)
    monkeypatch.setattr(sessions, "connectivity_of", None)
    with serving(SNAPSHOTS / "healthy-vxlan.skoop") as server:
        for _ in range(100):
            got = get(server, "matrix")
            if "http-equiv" not in got.text:
                break
        assert server.session.connectivity() == connectivity_of(SNAPSHOTS / "healthy-vxlan.skoop")
        assert 'class="matrix"' in got.text


def test_what_that_process_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MANY_PODS", 0)
    file = tmp_path / "a.skoop"
    file.write_bytes((SNAPSHOTS / "healthy-vxlan.skoop").read_bytes())
    with serving(file) as server:
        file.unlink()
        for _ in range(100):
            got = get(server, "matrix")
            if "http-equiv" not in got.text:
                break
        assert "a.skoop: no such file" in got.text


def test_the_matrix(server: Server) -> None:
    for _ in range(100):
        got = get(server, "matrix")
        if "http-equiv" not in got.text:
            break
    found = check(got.text)
    assert "matrix" in found.classes
    assert "outside" in found.text
    assert "objects/NetworkPolicy: not collected; the answer holds if there is none" in found.text
    assert (
        "there is no namespace with pods named none"
        in page(server, "matrix", {"from": "ns/none"}, status=400).text
    )


def test_an_address_in_use(server: Server) -> None:
    taken = listen_address(f"127.0.0.1:{server.server_address[1]}")
    with (
        pytest.raises(InputError, match=r"address 127\.0\.0\.1:\d+: address already in use"),
        serving(SNAPSHOTS / "healthy-vxlan.skoop", listen=taken),
    ):
        pass


def test_ipv6() -> None:
    with serving(SNAPSHOTS / "healthy-vxlan.skoop", listen=listen_address("[::1]:0")) as server:
        assert server.home.startswith("http://[::1]:")


def test_a_bug_is_told_and_the_server_goes_on(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(server.session, "diagnosis", lambda request: 1 // 0)
        got = get(server, f"ask?{urlencode({**QUESTION, 'n': 'x'})}")
    assert got.status == 500
    assert "division" not in got.text
    assert (
        capsys.readouterr().err
        == "error: a bug of kubectl skoop: ZeroDivisionError: integer division or modulo by zero\n"
    )
    assert get(server, "").status == 200
