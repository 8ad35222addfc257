"""A diagnosis in which every text that a cluster gives is meant to break out of its format."""

from dataclasses import replace
from fractions import Fraction

from kubectl_skoop.diagnosis.result import Check, Diagnosis, Fact, Missing
from kubectl_skoop.model.path import Action, Hop, Link, NetNode, PacketPath
from kubectl_skoop.model.place import Endpoint, Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.model.trace import Trace
from tests.report.build import OUTER, SYN, TRANSLATED, diagnosis

STRINGS = {
    "quotes": "a\"b'c`d\\",
    "line ends": "a\nb\r\nc\u2028d\u2029e",
    "markup": "</title></svg><script>alert(1)</script><!-- ]]> & &lt;",
    "terminal": "\x1b[31mred\x1b]0;title\x07\x9b1m",
    "direction marks": "\u202eabc\u2066def\u200f",
    "not in XML": "\x00\x01\x0b\ufffe\ud800",
    "table and link": "|a|b| [x](javascript:alert(1)) ![y](http://192.0.2.1/z) #1 @someone",
    "code fence": "```\n~~~~\n```",
    "graph": '}; a -> b [label="x"]; %%{init: {}}%% --> |end| subgraph',
    "blocks": "|md # h |  ||| ${var} #{x}",
    "wide": "\u7f51\u7edc\u8bca\u65ad" * 30,
    "long": "x" * 3000,
    "empty": "",
    "spaces": "  a   b  ",
    "one space": " ",
    "formula": "=cmd|' /C calc'!A0",
}


def hostile_suspicion(text: str) -> Suspicion:
    return Suspicion(
        code=text or "netfilter.drop",
        level=Level.FATAL,
        where=Where(place=Place("node", text), device=text, table=text, chain=text, rule=3, hook=text),
        message=text,
        evidence=(text, text),
        remedy=text,
    )


def hostile_diagnosis(text: str) -> Diagnosis:
    """Every place, device, rule, message and name is `text`; a service with two ways, one of them lost."""
    pod, node, other = Place("pod", f"a{text}"), Place("node", text), Place("external", f"b{text}")
    met = Trace(kind="rule", where=Where(place=node, chain=text, rule=1), text=text, effect=text)
    cause = hostile_suspicion(text)

    def path(last: Place) -> PacketPath:
        return PacketPath(
            nodes=(
                NetNode(place=pod, actions=(Action("send", None, (0,), (met,)),)),
                NetNode(place=node, actions=(Action("service", 0, (1,), (met,)),), suspicions=(cause,)),
                NetNode(place=last, actions=(Action("drop" if last == other else "serve", 1, (), (met,)),)),
            ),
            links=(
                Link(id=0, kind="veth", source=pod, oif=text, hop=Hop(place=node, iif=text), packet=SYN),
                Link(
                    id=1,
                    kind="infra",
                    source=node,
                    oif=text,
                    hop=Hop(place=last, iif=text),
                    packet=OUTER if last == other else replace(TRANSLATED, dport=9090),
                ),
            ),
        )

    made = diagnosis("partial", f"partial{text}", cause=cause)
    (first,) = made.branches
    back = path(Place("pod", f"c{text}"))
    lost = first._replace(
        share=Fraction(1, 3),
        fate="dropped",
        symptom=text,
        cause=cause,
        choices=(text,),
        path=path(other),
        reply=back,
    )
    served = first._replace(share=Fraction(2, 3), fate="served", cause=None, path=path(Place("pod", text)))
    return replace(
        made,
        request=made.request._replace(
            source=Endpoint("pod", text, SYN.src),
            destination=Endpoint("service", text, SYN.dst),
        ),
        symptom=text,
        branches=(served, lost),
        suspicions=(cause, hostile_suspicion(text)),
        facts=(Fact(text, text, text),),
        assumptions=(text,),
        path=path(other),
        reply=back,
        missing=(Missing(text, text, text),),
    )


def hostile_check(text: str) -> Check:
    return Check(
        suspicions=(hostile_suspicion(text), hostile_suspicion(text)),
        facts=(Fact(text, text, text),),
        missing=(Missing(text, text, text),),
    )
