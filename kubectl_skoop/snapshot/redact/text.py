"""Texts for people that go, and small files of /proc."""

import re

from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms

_REASON = re.compile(
    r"(?:[a-z0-9_]+(?:, which [a-z ]+,)?|this kernel) (?:is not loaded|has no [a-z0-9_]+)|was not asked for"
    r"|redact leaves out what a cloud said"
    r"|it was not asked for|no dump of this node was given|not collected|the agent did not read it"
)
INFRA_GONE = "redact leaves out what a cloud said"
REASON_GONE = "(reason left out)"
_TOOL = re.compile(r"[a-z0-9-]+ v?\d+(?:\.\d+)*(?: \((?:nf_tables|legacy)\)| \([A-Z][\w ]{1,40}#\d+\))?")
_RECENT = re.compile(r"src=(\S+)( ttl: \d+ last_seen: \d+ oldest_pkt: \d+(?: [\d, ]*)?)")


def reason(text: str) -> str:
    """Why something is missing: only what the agent always says the same way."""
    return text if not text or _REASON.fullmatch(text) else REASON_GONE


def tool(text: str) -> str:
    return text if _TOOL.fullmatch(text) else ""


def lost_line(text: str, pseudonyms: Pseudonyms) -> str:
    """`pod/NAMESPACE/NAME: why` of a node's dump; of others only that something was lost."""
    what, colon, why = text.partition(": ")
    kind, _, key = what.partition("/")
    if colon and kind == "pod":
        return f"pod/{pseudonyms.names.pod(key)}: {reason(why)}"
    return REASON_GONE


def recent_list(text: str, pseudonyms: Pseudonyms, left_out: LeftOut) -> str:
    """A list of the match `recent` (net/netfilter/xt_recent.c, recent_seq_show)."""
    lines = []
    for line in text.split("\n"):
        if found := _RECENT.fullmatch(line):
            lines.append(f"src={pseudonyms.scalar(found[1])}{found[2]}")
        elif line:
            left_out.add("xt_recent", "a line of an unknown form")
    return "".join(f"{line}\n" for line in lines)
