"""Rules as `nft list ruleset` prints them, from their JSON, also those that are not modelled."""

from collections.abc import Callable
from enum import Enum
from json import dumps

from kubectl_skoop.netstack.netfilter.nft.document import field, single, words

_UNQUALIFIED = frozenset({"iif", "oif", "iifname", "oifname", "iiftype", "oiftype", "iifgroup", "oifgroup"})
_OPERATORS = frozenset({"&", "|", "^", "<<", ">>"})
_DEVICES = frozenset({"iif", "oif", "iifname", "oifname"})


def print_rule(rule: object) -> str:
    expressions = field(rule, "expr")
    parts = [print_statement(each) for each in expressions] if isinstance(expressions, list) else []
    comment = field(rule, "comment")
    if isinstance(comment, str):
        parts.append(f'comment "{comment}"')
    return " ".join(part for part in parts if part)


def print_statement(json: object) -> str:
    kind, body = single(json)
    if isinstance(json, str):
        return json
    printer = _STATEMENTS.get(kind)
    return printer(body) if printer else dumps(json)


class Style(Enum):
    """How constants of a type are printed."""

    PLAIN = "{}"
    DEVICE = '"{}"'
    REALM = '"{:s}"'
    """Of names; numbers stay."""
    MARK = "0x{:08x}"
    BITS = "0x{:02x}"
    FLAGS = "0x{:x}"


def print_expression(json: object, style: Style = Style.PLAIN) -> str:
    kind, body = single(json)
    if isinstance(json, bool):
        return "exists" if json else "missing"
    if isinstance(json, int):
        return str(json) if style in (Style.DEVICE, Style.REALM) else style.value.format(json)
    if isinstance(json, str):
        named = style is Style.DEVICE or (style is Style.REALM and not json.isdecimal())
        return style.value.format(json) if named and not json.startswith("@") else json
    if isinstance(json, list):
        return ",".join(print_expression(each, style) for each in json)
    if kind in _OPERATORS and isinstance(body, list) and body:
        style = _style(body[0]) if style is Style.PLAIN else style
        return f" {kind} ".join(print_expression(each, style) for each in body)
    if kind == "set":
        return _listed(body, style)
    if kind == "map":
        return _map(body, style)
    if kind in ("range", "concat") and isinstance(body, list):
        return ("-" if kind == "range" else " . ").join(print_expression(each, style) for each in body)
    printer = _EXPRESSIONS.get(kind)
    return printer(body) if printer else dumps(json)


def _style(json: object) -> Style:
    """Of what an expression is compared with or set to."""
    kind, body = single(json)
    if kind in _OPERATORS and isinstance(body, list) and body:
        return _style(body[0])
    if kind in ("meta", "ct", "socket") and field(body, "key") == "mark":
        return Style.MARK
    if kind in ("meta", "rt") and field(body, "key") in ("rtclassid", "classid"):
        return Style.REALM
    if kind == "meta" and str(field(body, "key")) in _DEVICES:
        return Style.DEVICE
    if kind == "payload" and field(body, "field") == "dscp":
        return Style.BITS
    return Style.FLAGS if _is_flags(json) or _is_raw(json) else Style.PLAIN


def _match(body: object) -> str:
    left, operator = field(body, "left"), str(field(body, "op"))
    right = print_expression(field(body, "right"), _style(left))
    sign = "" if operator in ("==", "in") else f"{operator} "
    kind, parts = single(left)
    if kind == "&" and isinstance(parts, list) and len(parts) == 2 and isinstance(parts[1], list):
        return f"{print_expression(parts[0])} {sign}{right} / {print_expression(parts[1])}"
    labels = kind == "ct" and field(parts, "key") == "label"
    if operator == "==" and (kind in _OPERATORS or _is_flags(left) or labels):
        sign = "== "
    return f"{print_expression(left)} {sign}{right}"


def _is_raw(json: object) -> bool:
    kind, body = single(json)
    return kind == "payload" and field(body, "protocol") is None


def _is_flags(json: object) -> bool:
    kind, body = single(json)
    return kind == "payload" and field(body, "field") == "flags"


def _listed(body: object, style: Style, key_style: Style = Style.PLAIN) -> str:
    if not isinstance(body, list):
        return print_expression(body)
    return "{ " + ", ".join(_element(each, style, key_style) for each in body) + " }"


def _element(json: object, style: Style, key_style: Style) -> str:
    """`style`: of the data of a map, or of the elements of a set."""
    if isinstance(json, list) and len(json) == 2:
        kind, _ = single(json[1])
        data = print_statement(json[1]) if kind in _VERDICTS else print_expression(json[1], style)
        return f"{print_expression(json[0], key_style)} : {data}"
    return print_expression(json, style)


def _data(json: object, style: Style, key: object) -> str:
    kind, body = single(json)
    return _listed(body, style, _style(key)) if kind == "set" else print_expression(json)


def _vmap(body: object) -> str:
    key = field(body, "key")
    return f"{print_expression(key)} vmap {_data(field(body, 'data'), Style.PLAIN, key)}"


def _map(body: object, style: Style) -> str:
    key = field(body, "key")
    return f"{print_expression(key)} map {_data(field(body, 'data'), style, key)}"


def _ct(body: object) -> str:
    direction = field(body, "dir")
    return " ".join(["ct", *([str(direction)] if direction else []), str(field(body, "key"))])


def _meta(body: object) -> str:
    key = str(field(body, "key"))
    return key if key in _UNQUALIFIED else f"meta {key}"


def _numgen(body: object) -> str:
    offset = field(body, "offset")
    return f"numgen {field(body, 'mode')} mod {field(body, 'mod')}" + (f" offset {offset}" if offset else "")


def _jhash(body: object) -> str:
    seed = field(body, "seed")
    text = f"jhash {print_expression(field(body, 'expr'))} mod {field(body, 'mod')}"
    return text + (f" seed 0x{seed:x}" if isinstance(seed, int) else "")


def _payload(body: object) -> str:
    if field(body, "protocol") is None:
        return f"@{field(body, 'base')},{field(body, 'offset')},{field(body, 'len')}"
    return f"{field(body, 'protocol')} {field(body, 'field')}"


def _option(body: object) -> str:
    return " ".join(["tcp option", *words(field(body, "name")), *words(field(body, "field"))])


def _extension(body: object) -> str:
    """A field is named by its header alone."""
    part = words(field(body, "field"))
    return " ".join([*words(field(body, "name")), *part] if part else ["exthdr", *words(field(body, "name"))])


def _ipsec(body: object) -> str:
    number = field(body, "spnum")
    parts = ["ipsec", *words(field(body, "dir")), *([f"spnum {number}"] if number else [])]
    return " ".join([*parts, *words(field(body, "family")), *words(field(body, "key"))])


_EXPRESSIONS: dict[str, Callable[[object], str]] = {
    "payload": _payload,
    "meta": _meta,
    "ct": _ct,
    "fib": lambda body: f"fib {' . '.join(words(field(body, 'flags')))} {field(body, 'result')}",
    "prefix": lambda body: f"{field(body, 'addr')}/{field(body, 'len')}",
    "elem": lambda body: print_expression(field(body, "val")),
    "numgen": _numgen,
    "jhash": _jhash,
    "symhash": lambda body: f"symhash mod {field(body, 'mod')}",
    "tcp option": _option,
    "rt": lambda body: " ".join(["rt", *words(field(body, "family")), str(field(body, "key"))]),
    "socket": lambda body: f"socket {field(body, 'key')}",
    "exthdr": _extension,
    "ip option": lambda body: " ".join(
        ["ip option", *words(field(body, "name")), *words(field(body, "field"))]
    ),
    "sctp chunk": lambda body: " ".join(
        ["sctp chunk", *words(field(body, "name")), *words(field(body, "field"))]
    ),
    "ipsec": _ipsec,
}


def _nat(kind: str) -> Callable[[object], str]:
    def print_nat(body: object) -> str:
        family, address, port = field(body, "family"), field(body, "addr"), field(body, "port")
        parts = [kind]
        if address is not None:
            parts += [*([str(family)] if family else []), "to"]
        elif port is not None:
            parts.append("to")
        target = "" if address is None else print_expression(address)
        target += "" if port is None else f":{print_expression(port)}"
        return " ".join(
            [*parts, *([target] if target else []), ",".join(words(field(body, "flags")))]
        ).rstrip()

    return print_nat


def _tproxy(body: object) -> str:
    address, port = field(body, "addr"), field(body, "port")
    host = f"[{address}]" if isinstance(address, str) and ":" in address else print_expression(address or "")
    target = host + ("" if port is None else f":{print_expression(port)}")
    return " ".join(["tproxy", *words(field(body, "family")), "to", target])


def _reject(body: object) -> str:
    kind, code = field(body, "type"), field(body, "expr")
    if kind is None or code == "port-unreachable":
        return "reject"
    if kind == "tcp reset":
        return "reject with tcp reset"
    return f"reject with {kind} {code}"


def _limit(body: object) -> str:
    if not isinstance(body, dict):
        return f'limit name "{body}"'
    over = "over " if body.get("inv") else ""
    burst = f" burst {body['burst']} packets" if body.get("burst") else ""
    return f"limit rate {over}{body.get('rate')}/{body.get('per')}{burst}"


def _update(body: object) -> str:
    target = field(body, "set") or field(body, "map")
    data = field(body, "data")
    element = print_expression(field(body, "elem")) + ("" if data is None else f" : {print_expression(data)}")
    return f"{field(body, 'op')} {target} {{ {element} }}"


def _mangle(body: object) -> str:
    key = field(body, "key")
    return f"{print_expression(key)} set {print_expression(field(body, 'value'), _style(key))}"


def _log(body: object) -> str:
    prefix = field(body, "prefix")
    return "log" + (f' prefix "{prefix}"' if isinstance(prefix, str) else "")


_VERDICTS: dict[str, Callable[[object], str]] = {
    "accept": lambda body: "accept",
    "drop": lambda body: "drop",
    "continue": lambda body: "continue",
    "return": lambda body: "return",
    "jump": lambda body: f"jump {field(body, 'target')}",
    "goto": lambda body: f"goto {field(body, 'target')}",
}
_STATEMENTS: dict[str, Callable[[object], str]] = {
    **_VERDICTS,
    "match": _match,
    "vmap": _vmap,
    "snat": _nat("snat"),
    "dnat": _nat("dnat"),
    "masquerade": _nat("masquerade"),
    "redirect": _nat("redirect"),
    "reject": _reject,
    "mangle": _mangle,
    "set": _update,
    "map": _update,
    "limit": _limit,
    "quota": lambda body: f"quota {'over ' if field(body, 'inv') else ''}{field(body, 'val')} bytes",
    "counter": lambda body: "counter",
    "log": _log,
    "notrack": lambda body: "notrack",
    "fwd": lambda body: f"fwd to {print_expression(field(body, 'dev'), Style.DEVICE)}",
    "dup": lambda body: f"dup to {print_expression(field(body, 'addr'), Style.DEVICE)}",
    "tproxy": _tproxy,
    "ct count": lambda body: f"ct count {'over ' if field(body, 'inv') else ''}{field(body, 'val')}",
    "queue": lambda body: f"queue to {field(body, 'num')}",
    "xt": lambda body: f"xt {field(body, 'type')} {field(body, 'name')}",
}
