"""Findings of the cloud, at the node whose interface they are about."""

from collections.abc import Sequence

from kubectl_skoop.api import Level, NodeInfo, Place, Suspicion, Unknown, Where


def stops(
    code: str, node: NodeInfo | None, message: str, evidence: Sequence[str] = (), remedy: str = ""
) -> Suspicion:
    """The packet ends here."""
    return Suspicion(
        code=code,
        level=Level.FATAL,
        where=_where(node),
        message=message,
        evidence=tuple(evidence),
        remedy=remedy,
        effect="stops",
    )


def open_question(code: str, node: NodeInfo | None, reason: Unknown) -> Suspicion:
    """What becomes of the packet here is not known."""
    return Suspicion(
        code=code, level=Level.WARNING, where=_where(node), message=reason.reason, effect="unknown"
    )


def taken_to_pass(cloud: str, code: str, node: NodeInfo | None, reason: Unknown) -> Suspicion:
    """Nobody looked what becomes of the packet here."""
    return Suspicion(
        code=code,
        level=Level.INFO,
        where=_where(node),
        message=f"{cloud} is taken to carry the packet, whatever its rules say: {reason.reason}",
        remedy=f"give what {cloud} says of the VPC with --infra",
    )


def not_told(code: str, reason: Unknown) -> Suspicion:
    """Something of the whole cluster that cannot be looked at."""
    return Suspicion(code=code, level=Level.INFO, where=_where(None), message=reason.reason)


def remark(
    code: str, node: NodeInfo | None, message: str, evidence: Sequence[str] = (), remedy: str = ""
) -> Suspicion:
    """It does not stop this packet, but others like it."""
    return Suspicion(
        code=code,
        level=Level.WARNING,
        where=_where(node),
        message=message,
        evidence=tuple(evidence),
        remedy=remedy,
    )


def _where(node: NodeInfo | None) -> Where:
    return Where(place=Place("node", node.name)) if node is not None else Where()
