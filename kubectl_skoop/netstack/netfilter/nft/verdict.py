"""Verdicts in JSON: `{"accept": null}`, `{"jump": {"target": "chain"}}` …"""

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.datatype import Unmodelled
from kubectl_skoop.netstack.netfilter.nft.document import single, text
from kubectl_skoop.netstack.netfilter.types import Accept, Continue, Drop, Jump, Return, Stolen, Verdict

VERDICTS = frozenset({"accept", "drop", "continue", "return", "jump", "goto", "queue"})


def parse_verdict(json: object) -> Verdict:
    """Raises Unmodelled."""
    kind, body = single(json)
    if isinstance(json, str):
        kind = json
    match kind:
        case "accept":
            return Accept()
        case "drop":
            return Drop()
        case "continue":
            return Continue()
        case "return":
            return Return()
        case "jump" | "goto":
            return Jump(text(body, "target"), goto=kind == "goto")
        case "queue":
            return Stolen(Unknown("a program gets the packet by nfnetlink_queue"))
    raise Unmodelled(f"the verdict {kind or json!r}")
