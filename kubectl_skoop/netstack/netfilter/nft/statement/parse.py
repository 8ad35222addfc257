"""From the JSON of a statement to the statement. Here a new one is entered."""

from collections.abc import Callable

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import single
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope
from kubectl_skoop.netstack.netfilter.nft.statement.dynset import parse_update
from kubectl_skoop.netstack.netfilter.nft.statement.flow import FlowAdd
from kubectl_skoop.netstack.netfilter.nft.statement.forward import parse_forward
from kubectl_skoop.netstack.netfilter.nft.statement.limit import parse_count, parse_limit, parse_quota
from kubectl_skoop.netstack.netfilter.nft.statement.mangle import Ignored, parse_mangle
from kubectl_skoop.netstack.netfilter.nft.statement.match import Undecidable, parse_match
from kubectl_skoop.netstack.netfilter.nft.statement.nat import parse_translation
from kubectl_skoop.netstack.netfilter.nft.statement.notrack import NoTrack
from kubectl_skoop.netstack.netfilter.nft.statement.opaque import Opaque, parse_xt
from kubectl_skoop.netstack.netfilter.nft.statement.outcome import Executable
from kubectl_skoop.netstack.netfilter.nft.statement.reject import parse_reject
from kubectl_skoop.netstack.netfilter.nft.statement.tproxy import parse_tproxy
from kubectl_skoop.netstack.netfilter.nft.statement.verdict import Immediate, parse_vmap
from kubectl_skoop.netstack.netfilter.nft.verdict import VERDICTS, parse_verdict

_PARSERS: dict[str, Callable[[object, Scope], Executable]] = {
    "match": parse_match,
    "vmap": parse_vmap,
    "snat": lambda body, scope: parse_translation("snat", body, scope),
    "dnat": lambda body, scope: parse_translation("dnat", body, scope),
    "masquerade": lambda body, scope: parse_translation("masquerade", body, scope),
    "redirect": lambda body, scope: parse_translation("redirect", body, scope),
    "reject": parse_reject,
    "mangle": parse_mangle,
    "fwd": parse_forward,
    "set": parse_update,
    "map": parse_update,
    "tproxy": lambda body, scope: parse_tproxy(body),
    "limit": lambda body, scope: parse_limit(body),
    "ct count": lambda body, scope: parse_count(body),
    "quota": lambda body, scope: parse_quota(body),
    "xt": lambda body, scope: parse_xt(body),
}
_IGNORED = frozenset(
    {"counter", "log", "dup", "last", "ct helper", "ct timeout", "ct expectation", "secmark"}
)
_MATCHES = frozenset({"ct count", "meter", "osf", "match"})


def parse_statement(json: object, scope: Scope) -> Executable:
    kind, body = single(json)
    if kind in _IGNORED:
        return Ignored()
    if isinstance(json, str):
        kind, body = json, None
    if kind == "flow":
        return FlowAdd()
    if kind == "notrack":
        return NoTrack()
    try:
        if kind in VERDICTS:
            return Immediate(parse_verdict(json))
        if kind in _PARSERS:
            return _PARSERS[kind](body, scope)
    except Unmodelled as error:
        unknown = Unknown(f"{error} is not modelled")
        return Undecidable(unknown) if kind in _MATCHES else Opaque(unknown)
    unknown = Unknown(f"{kind or json!r} is not modelled")
    return Undecidable(unknown) if kind in _MATCHES else Opaque(unknown)
