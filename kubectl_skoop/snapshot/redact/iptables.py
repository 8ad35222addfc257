"""The text of the save tools. Of each option it is known what its value is; what is not known goes.

A match or target that goes is replaced by one that nobody models: what it decides is unknown afterwards, too.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from kubectl_skoop.netstack.netfilter.iptables import header, match, target
from kubectl_skoop.netstack.netfilter.iptables.options import Unreadable, Word, is_section, words
from kubectl_skoop.netstack.netfilter.iptables.protocol import PROTOCOLS
from kubectl_skoop.snapshot.records import HOLE
from kubectl_skoop.snapshot.redact import known
from kubectl_skoop.snapshot.redact.comment import comment
from kubectl_skoop.snapshot.redact.left_out import LeftOut
from kubectl_skoop.snapshot.redact.listed import listed
from kubectl_skoop.snapshot.redact.pseudonyms import NotKept, Pseudonyms

NETWORK = listed(
    """
    -s -d --source --destination --ctorigsrc --ctorigdst --ctreplsrc --ctrepldst --vaddr --tunnel-src
    --tunnel-dst --on-ip --gateway --src-pfx --dst-pfx --srh-psid --srh-nsid --srh-lsid
    """
)
RANGE = frozenset({"--src-range", "--dst-range"})
TRANSLATION = frozenset({"--to-destination", "--to-source"})
DEVICE = frozenset(
    ["-i", "-o", "--in-interface", "--out-interface", "--physdev-in", "--physdev-out", "--oif"]
)
NAME = frozenset(
    ["--nfacct-name", "--name", "--hashlimit-name", "--rateest-name", "--led-trigger-id", "--label"]
)
SET = frozenset(["--match-set", "--set", "--add-set", "--del-set", "--map-set"])
TEXT = frozenset(["--log-prefix", "--nflog-prefix", "--ulog-prefix", "--string", "--path", "--selctx"])
MAC = frozenset({"--mac-source"})
COMMENT = frozenset({"--comment"})
PROTOCOL = frozenset({"-p", "--protocol", "--vproto", "--proto", "--ctproto"})
OF_SECTION: Mapping[tuple[str, str], frozenset[str]] = {
    ("NETMAP", "--to"): NETWORK,
    ("CT", "--timeout"): NAME,
}
"""Options that mean something of their own there."""
PLAIN = listed(
    """
    --src-type --dst-type --ahspi --ahlen --connbytes --connbytes-mode --connbytes-dir --connlimit-above
    --connlimit-upto --connlimit-mask --mark --ctstate --ctstatus --ctexpire --ctdir --ctorigsrcport
    --ctorigdstport --ctreplsrcport --ctrepldstport --cpu --sport --source-port --dport --destination-port
    --dccp-types --dccp-option --src-group --dst-group --dscp --dst-len --dst-opts --ecn-ip-ect --espspi
    --fragid --fraglen --hashlimit --hashlimit-upto --hashlimit-above --hashlimit-burst --hashlimit-mode
    --hashlimit-srcmask --hashlimit-dstmask --hashlimit-htable-size --hashlimit-htable-max
    --hashlimit-htable-expire --hashlimit-htable-gcinterval --hashlimit-rate-interval --hbh-len --hbh-opts
    --helper --hl-eq --hl --hl-lt --hl-gt --icmp-type --icmpv6-type --header --vport --vdir --vmethod
    --vportctl --length --limit --limit-burst --sports --source-ports --dports --destination-ports --ports
    --uid-owner --gid-owner --pkt-type --realm --dir --pol --reqid --spi --mode --quota --seconds --hitcount
    --mask --rt-type --rt-segsleft --rt-len --chunk-types --packets-eq --packets-lt --packets-gt
    --bytes-eq --bytes-lt --bytes-gt --state --probability --every --packet --algo --from --to --tcp-flags
    --tcp-option --mss --datestart --datestop --timestart --timestop --weekdays --monthdays --tos --ttl-eq
    --ttl --ttl-lt --ttl-gt --type --set-class --set-xmark --set-mark --and-mark --or-mark --xor-mark
    --ctmask --nfmask --zone --zone-orig --zone-reply --timeout --ctevents --expevents --set-dscp
    --ttl-set --ttl-inc --ttl-dec --hl-set --hl-inc --hl-dec --led-delay --log-level --to-ports
    --nflog-group --nflog-range --nflog-size --nflog-threshold --queue-num --queue-balance
    --rateest-interval --rateest-ewmalog --reject-with --wscale --set-mss --strip-options --set-tos
    --and-tos --or-tos --xor-tos --on-port --tproxy-mark --ulog-nlgroup --ulog-cprange --ulog-qthreshold
    --send-nl-msg --cluster-total-nodes --cluster-local-nodemask --cluster-hash-seed --ipcompspi --mh-type
    --srh-next-hdr --srh-tag --srh-hdr-len-eq --srh-hdr-len-gt --srh-hdr-len-lt --srh-segs-left-eq
    --srh-segs-left-gt --srh-segs-left-lt --srh-last-entry-eq --srh-last-entry-gt --srh-last-entry-lt
    """
)
"""Numbers, and words that the tool takes only from its own list."""
GOES = frozenset({"--rt-0-addrs", "--u32", "--hex-string", "--bytecode"})
"""May hold addresses or texts in a form that cannot be told apart."""
OPEN_WORDS = frozenset({"--uid-owner", "--gid-owner", "--helper", "--realm"})
"""Of those the value may be a name."""
HELPERS = listed(
    """
    amanda ftp tftp h323 irc netbios-ns pptp sane sip snmp RAS Q.931
    """
)

WORDS = listed(
    """
    NEW ESTABLISHED RELATED INVALID UNTRACKED SNAT DNAT NONE EXPECTED SEEN_REPLY ASSURED CONFIRMED
    ORIGINAL REPLY UNSPEC UNICAST LOCAL BROADCAST ANYCAST MULTICAST BLACKHOLE UNREACHABLE PROHIBIT THROW NAT
    XRESOLVE SYN ACK FIN RST URG PSH CWR ECE ALL any all src dst in out both original reply packets bytes
    avgpkt random nth bm kmp ipsec none esp ah ipcomp tunnel transport unicast broadcast multicast otherhost
    icmp icmp6 icmpv6 port host net proto addr adm admin prohibited unreachable no route policy fail reject
    tcp reset echo request pong ping redirect time exceeded ttl zero during transit reassembly source quench
    fragmentation needed router advertisement solicitation neighbour neighbor bad header unknown option type
    parameter problem packet too big timestamp address mask required missing
    sec second minute min hour day s m h d b kb mb srcip srcport dstip dstport
    Mon Tue Wed Thu Fri Sat Sun DATA INIT INITACK SACK HEARTBEAT HEARTBEATACK ABORT SHUTDOWN SHUTDOWNACK
    ERROR COOKIEECHO COOKIEACK ECNECNE ECNCWR SHUTDOWNCOMPLETE only
    hop dst auth frag prot unknown masq route gate NAT IPIP GATE MASQ DROUTE TUN
    new related destroy assured protoinfo helper mark natseqinfo secmark label
    accept drop reject REQUEST RESPONSE DATAACK CLOSEREQ CLOSE RESET SYNC SYNCACK
    """
)
"""Parts of such words, as the tool's pages have them."""

_PART = re.compile(r"\w+")
_PLAIN_VALUE = re.compile(r"[\w.,:/%+*-]{1,255}")
_NUMBER = re.compile(  # also a part of an IPv6 mask
    r"\d+|0x[0-9a-fA-F]+|\d+T\d+|\d+(?:b|kb|mb|s|m|h|d|ms|us)|f{1,4}[0ce8]?0{0,3}"
)
_COUNTERS = rf"\[(?:\d+:\d+|{HOLE}:{HOLE})\]"
_RULE = re.compile(rf"({_COUNTERS} )?-A (\S+) ?(.*)")
_CHAIN = re.compile(rf":(\S+) (ACCEPT|DROP|QUEUE|RETURN|-)( {_COUNTERS})?")
_WRITTEN_BY = re.compile(
    r"# (?:Generated by|Completed on) [\w -]*(?:v[\d.]+ )?(?:\((?:nf_tables|legacy)\) )?(?:on )?"
    r"[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]{8} \d{4}"
)
_INCOMPATIBLE = re.compile(r"# Table `(\w+)' is incompatible, use 'nft' tool\.")
_WARNING = re.compile(
    r"# Warning: ip6?tables-legacy tables present, use ip6?tables-legacy(?:-save)? to see them"
)
_IMPLICIT = {"tcp": "tcp", "udp": "udp", "icmp": "icmp", "ipv6-icmp": "icmp6", "sctp": "sctp"}
_NEEDS_QUOTES = re.compile(r"[^\w.,:/+*@=%-]")
MOST_RULES = 200_000
"""That are kept: about 100 MB."""
UNMODELLED_MATCH = ["-m", "redacted"]
UNMODELLED_TARGET = ["-j", "REDACTED", "--redacted"]


def iptables_text(text: str, pseudonyms: Pseudonyms, left_out: LeftOut, where: str) -> str:
    """Line by line; lines of an unknown form go."""
    return "\n".join(
        line
        for line in (redact_line(line, pseudonyms, left_out, where) for line in text.split("\n"))
        if line is not None
    )


def redact_line(line: str, pseudonyms: Pseudonyms, left_out: LeftOut, where: str) -> str | None:
    """None: of an unknown form. In a record of many nodes the counters are holes."""
    if not line or line == "COMMIT" or _WRITTEN_BY.fullmatch(line) or _WARNING.fullmatch(line):
        return line
    if line.startswith("*"):
        return f"*{pseudonyms.name(line[1:])}"
    if found := _CHAIN.fullmatch(line):
        return f":{pseudonyms.name(found[1])} {found[2]}{found[3] or ''}"
    if found := _RULE.fullmatch(line):
        return (found[1] or "") + _rule(found[2], found[3], pseudonyms, left_out, where)
    if (found := _INCOMPATIBLE.fullmatch(line)) and found[1] in known.NAMES:
        return line
    left_out.add(where, "a line of an unknown form")
    return None


def _rule(chain: str, text: str, pseudonyms: Pseudonyms, left_out: LeftOut, where: str) -> str:
    """Kept for the next node where all of it could be kept."""
    rule = f"{chain} {text}"
    known_rule = pseudonyms.rules.get(rule)
    if known_rule is not None:
        return known_rule
    before = left_out.total
    rest = _Rule(pseudonyms, left_out, where).redact(text)
    written = f"-A {pseudonyms.name(chain)}" + (f" {rest}" if rest else "")
    if left_out.total == before and len(pseudonyms.rules) < MOST_RULES:
        pseudonyms.rules[rule] = written
    return written


class _Rule:
    """One rule without its chain, word by word."""

    def __init__(self, pseudonyms: Pseudonyms, left_out: LeftOut, where: str) -> None:
        self._pseudonyms = pseudonyms
        self._left_out = left_out
        self._where = where

    def redact(self, text: str) -> str:
        try:
            given = words(text)
        except Unreadable:
            self._left_out.add(self._where, "a rule that cannot be read")
            return " ".join([*UNMODELLED_MATCH, *UNMODELLED_TARGET])
        written: list[str] = []
        position = 0
        arity = {**header.ARITY, **_implicit(given)}
        while position < len(given):
            end = position + 1
            while end < len(given) and not is_section(given, end):
                end += 1
            part = given[position:end]
            if is_section(given, position):
                written += self._section(part)
            else:
                written += self._options(part, "", arity) or self._gone(UNMODELLED_MATCH, "options of a rule")
            position = end
        return " ".join(written)

    def _section(self, part: Sequence[Word]) -> list[str]:
        flag, name = part[0].text, part[1].text if len(part) > 1 else ""
        kind = match.kind_of(name) if flag == "-m" else target.kind_of(name) if flag == "-j" else None
        if kind is None:
            if flag != "-m" and len(part) == 2:
                return [flag, self._pseudonyms.name(name)]
            return self._gone(
                UNMODELLED_MATCH if flag == "-m" else UNMODELLED_TARGET, "a match or target that is not known"
            )
        # What every rule has may stand after a match, too.
        options = self._options(part[2:], name, {**header.ARITY, **kind.arity})
        if options is None:
            return self._gone(
                UNMODELLED_MATCH if flag == "-m" else UNMODELLED_TARGET, f"{flag} {name}: its options"
            )
        return [flag, name, *options]

    def _gone(self, instead: Sequence[str], what: str) -> list[str]:
        self._left_out.add(self._where, what)
        return list(instead)

    def _options(self, part: Sequence[Word], section: str, arity: Mapping[str, int]) -> list[str] | None:
        """None: they are not all known."""
        written: list[str] = []
        position = 0
        while position < len(part):
            word = part[position]
            position += 1
            if word.text == "!" and not word.quoted:
                written.append("!")
                continue
            count = arity.get(word.text)
            if count is None or word.quoted:
                return None
            written.append(word.text)
            if count and position < len(part) and part[position].text == "!" and not part[position].quoted:
                written.append("!")
                position += 1
            values = part[position : position + count]
            position += count
            if len(values) < count:
                return None
            try:
                written += self._values(section, word.text, values)
            except ValueError:
                return None
        return written

    def _values(self, section: str, option: str, values: Sequence[Word]) -> list[str]:
        """Raises: ValueError where a value cannot be kept."""
        if not values:
            return []
        texts = [value.text for value in values]
        own = OF_SECTION.get((section, option))
        kinds = (own,) if own is not None else KINDS
        for kind in kinds:
            if option in kind:
                return self._kept(kind, option, texts, quoted=values[0].quoted)
        raise NotKept(option)

    def _kept(self, kind: frozenset[str], option: str, texts: list[str], *, quoted: bool) -> list[str]:
        text, pseudonyms = texts[0], self._pseudonyms
        if kind is NETWORK:
            return [pseudonyms.masked(text)]
        if kind is RANGE:
            return [pseudonyms.interval(text)]
        if kind is TRANSLATION:
            return [pseudonyms.destination(text)]
        if kind is MAC:
            return [pseudonyms.mac(text)]
        if kind is DEVICE or kind is NAME or kind is TEXT:
            return [
                pseudonyms.name(text)
                if text and not (option == "--label" and text.isdigit())
                else text or '""'
            ]
        if kind is SET:
            return [pseudonyms.name(text), *map(_plain, texts[1:])]
        if kind is COMMENT:
            return [_quoted(comment(text, pseudonyms), always=quoted)]
        if kind is PROTOCOL and not text.isdigit() and text not in PROTOCOLS:
            raise NotKept(option)
        if option in OPEN_WORDS and not re.fullmatch(r"[\d-]+", text) and text not in HELPERS:
            raise NotKept(option)
        return texts if text in HELPERS else [*map(_plain, texts)]


KINDS = (NETWORK, RANGE, TRANSLATION, MAC, DEVICE, NAME, TEXT, SET, COMMENT, PROTOCOL, PLAIN)


def _plain(text: str) -> str:
    """A number, several of them, a word that the tool knows, or several."""
    if not _PLAIN_VALUE.fullmatch(text) or not all(
        _NUMBER.fullmatch(part) or part in WORDS or part in PROTOCOLS for part in _PART.findall(text)
    ):
        raise NotKept("a value of an unknown form")
    return text


def _quoted(text: str, *, always: bool) -> str:
    if not always and text and not _NEEDS_QUOTES.search(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _implicit(given: Sequence[Word]) -> Mapping[str, int]:
    """Options of the match that `-p NAME` loads without `-m`."""
    for option, value in pairwise(given):
        if option.text in ("-p", "--protocol") and (name := _IMPLICIT.get(value.text)):
            kind = match.kind_of(name)
            return kind.arity if kind else {}
    return {}
