"""Text of iptables-save and ip6tables-save, of both back ends, and packets that meet its rules."""

from collections.abc import Iterator

from kubectl_skoop.netstack.ipset import parse_ipsets
from kubectl_skoop.netstack.netfilter.iptables.save import parse_save
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.snapshot.redact.iptables import iptables_text
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms
from tests.fuzzing import rules, shipped
from tests.fuzzing.router import pass_all
from tests.fuzzing.target import Target

KINDS = ("iptables_legacy", "ip6tables_legacy", "iptables_nft", "ip6tables_nft")
NOTHING = dict.fromkeys((*KINDS, "nft", "nft_raw", "hook_order"))


def run(data: bytes) -> None:
    """The first byte chooses the kind."""
    kind, text = KINDS[data[0] % len(KINDS) if data else 0], data[1:].decode("utf-8", "backslashreplace")
    for base in parse_save(text, 6 if kind.startswith("ip6") else 4, "iptables-nft"):
        for line in text.split("\n"):
            if line.startswith(":"):
                base.table.chain(line[1:].partition(" ")[0])
    pass_all(load_netfilter(**{**NOTHING, kind: text}, gaps={}), parse_ipsets(rules.SET))
    iptables_text(text, Pseudonyms(b"k" * 32), LeftOut(), kind.replace("_", "-"))


def seeds() -> Iterator[bytes]:
    for text in rules.examples():
        for kind in range(4):
            yield bytes([kind]) + text.encode()
    for kind in range(4):
        name = KINDS[kind].replace("_", "-")
        yield from (bytes([kind]) + text[:8000].encode() for text in shipped.texts(name)[:2])


TARGET = Target(name="iptables", run=run, seeds=seeds, words=rules.WORDS)
