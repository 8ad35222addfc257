"""The API server, asked raw: JSON in and out, no model objects. Safe to use from several threads."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from kubectl_skoop.collect.live.errors import ClusterError, Forbidden, Unreachable
from kubectl_skoop.collect.live.kubeconfig import Access, configuration
from kubectl_skoop.collect.live.pod_account import PodAccount

if TYPE_CHECKING:
    from kubernetes.client import Configuration
    from urllib3 import PoolManager
    from urllib3.response import BaseHTTPResponse

Body = Mapping[str, object]
Query = Sequence[tuple[str, str]]

TIMEOUT = 45.0
"""Of one request, seconds: longer than a control plane takes to elect a new leader."""
CONNECT_TIMEOUT = 30.0
"""Until the connection is encrypted; as kubectl's (client-go, rest/config.go and transport)."""
PAGE = 500
"""Objects in one answer to a list."""
ATTEMPTS = 4
"""Of a request that may be repeated, when no answer came or the server is overloaded."""
PAUSE = 0.5
"""Before the second attempt, seconds; doubled before each further one."""
_BUSY = frozenset({429, 500, 502, 503, 504})
_REPEATABLE = frozenset({"GET", "DELETE"})


class Api:
    """One cluster as one user."""

    def __init__(self, access: Access, *, connections: int = 32) -> None:
        """Raises: InputError (kubeconfig)."""
        self.configuration = configuration(access)
        self.configuration.connection_pool_maxsize = connections
        self.configuration.retries = False
        self._pool = _pool(self.configuration)
        self._access = access
        self._timeout = TIMEOUT if access.timeout is None else access.timeout
        self._answered = False
        self.clock_offset: float | None = None
        """The server's clock less ours, seconds, as its last answer's Date has it; its resolution is 1 s."""

    @property
    def server(self) -> str:
        return str(self.configuration.host)

    def get(self, path: str, query: Query = (), accept: str = "application/json") -> Body:
        """Raises: ClusterError."""
        return self._json("GET", path, query=query, accept=accept)

    def create(self, path: str, body: Body, query: Query = ()) -> Body:
        """Raises: ClusterError."""
        return self._json("POST", path, query=query, body=body)

    def delete(self, path: str, query: Query = (), body: Body | None = None) -> None:
        """What is not there is deleted, too. Raises: ClusterError."""
        try:
            self._json("DELETE", path, query=query, body=body)
        except ClusterError as error:
            if error.status != 404:
                raise

    def pages(self, path: str, query: Query = (), version: str = "") -> Iterator[Body]:
        """The pages of a list, at the resourceVersion `version`, or the newest where the server has no such.

        Raises: ClusterError.
        """
        exact = [("resourceVersion", version), ("resourceVersionMatch", "Exact")] if version else []
        first = [*query, ("limit", str(PAGE))]
        try:
            page = self.get(path, [*first, *exact])
        except ClusterError as error:
            # 410: compacted; 400: a server that cannot list at a version (before 1.19).
            if not exact or error.status not in (400, 410, 504):
                raise
            page = self.get(path, first)
        yield page
        while token := _continue(page):
            page = self.get(path, [*first, ("continue", token)])
            yield page

    def headers(self) -> list[tuple[str, str]]:
        """Who asks: the credentials, and whom they are lent to. A name may come twice."""
        token = self.configuration.get_api_key_with_prefix("BearerToken")
        headers = [("Authorization", token)] if token else []
        if self._access.impersonate:
            headers.append(("Impersonate-User", self._access.impersonate))
        headers += [("Impersonate-Group", group) for group in self._access.groups]
        return headers

    def _json(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: Body | None = None,
        accept: str = "application/json",
    ) -> Body:
        response = self._answer(method, path, query, body, accept)
        try:
            answer = json.loads(response.data)
        except ValueError:
            answer = {}
        answer = answer if isinstance(answer, dict) else {}
        if response.status >= 300:
            raise _error(f"{method} {path}", response.status, answer)
        return answer

    def _answer(
        self, method: str, path: str, query: Query, body: Body | None, accept: str
    ) -> "BaseHTTPResponse":
        def ask() -> "BaseHTTPResponse":
            return self._request(method, path, query, body, accept)

        return repeated(ask, known=self._answered) if method in _REPEATABLE else ask()

    def _request(
        self, method: str, path: str, query: Query, body: Body | None, accept: str
    ) -> "BaseHTTPResponse":
        import urllib3
        from urllib3.exceptions import HTTPError

        headers = urllib3.HTTPHeaderDict()
        headers.add("Accept", accept)
        for name, value in self.headers():
            headers.add(name, value)
        if body is not None:
            headers.add("Content-Type", "application/json")
        url = f"{self.server}{path}?{urlencode(query)}" if query else f"{self.server}{path}"
        read = self._timeout or None
        try:
            response: BaseHTTPResponse = self._pool.request(
                method,
                url,
                body=json.dumps(body).encode() if body is not None else None,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT, read or CONNECT_TIMEOUT), read=read),
                retries=False,
            )
        except HTTPError as error:
            raise Unreachable(
                f"the cluster {self.server} cannot be reached: {_cause(error)}",
                hint="check the context, the network, and that the API server runs",
            ) from error
        self._answered = True
        if stated := response.headers.get("Date"):
            from email.utils import parsedate_to_datetime

            self.clock_offset = parsedate_to_datetime(stated).timestamp() - time.time()
        return response


def _pool(settings: "Configuration | PodAccount") -> "PoolManager":
    if isinstance(settings, PodAccount):
        return settings.pool()
    from kubernetes.client import ApiClient

    made: PoolManager = ApiClient(configuration=settings).rest_client.pool_manager
    return made


def repeated(ask: "Callable[[], BaseHTTPResponse]", *, known: bool) -> "BaseHTTPResponse":
    """Asks up to `ATTEMPTS` times.

    `known`: the server has answered before; one that never did may be the wrong one, and is asked once.
    Raises: Unreachable (of the last one).
    """
    pause = PAUSE
    for _ in range(ATTEMPTS - 1):
        try:
            response = ask()
            if response.status not in _BUSY:
                return response
        except Unreachable:
            if not known:
                raise
        time.sleep(pause)
        pause *= 2
    return ask()


def _continue(page: Body) -> str:
    metadata = page.get("metadata")
    token = metadata.get("continue") if isinstance(metadata, Mapping) else None
    return token if isinstance(token, str) else ""


def _error(what: str, status: int, answer: Body) -> ClusterError:
    message = answer.get("message")
    reason = str(answer.get("reason") or "")
    text = f"{what}: {message if isinstance(message, str) and message else f'HTTP {status}'}"
    if status == 401:
        return Forbidden(
            f"the cluster does not know who you are ({what}: 401)",
            status=status,
            reason=reason,
            hint="check the credentials of the kubeconfig",
        )
    kind = Forbidden if status == 403 else ClusterError
    return kind(text, status=status, reason=reason)


def _cause(error: Exception) -> str:
    """The innermost reason that urllib3 has, in one line."""
    reason = getattr(error, "reason", None)
    inner = reason if isinstance(reason, Exception) else error
    return " ".join(str(inner).split()) or type(inner).__name__
