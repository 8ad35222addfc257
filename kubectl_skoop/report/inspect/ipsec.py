"""`ip xfrm policy`, `ip xfrm state`: one line each, without keys, which no snapshot holds."""

from collections.abc import Iterator

from kubectl_skoop.netstack.xfrm.ipsec_types import Policy
from kubectl_skoop.netstack.xfrm.ipsec_types import State as Association
from kubectl_skoop.report.inspect.state import State
from kubectl_skoop.snapshot.decode.ipsec import decode_ipsec


def print_ipsec(state: State) -> Iterator[str]:
    """Policies as they are asked, the newest state first. Raises: FormatError."""
    table = state.table("xfrm")
    if table is None or table.state != "ok":
        return
    found = decode_ipsec(table.data)
    yield from (f"default {direction} block" for direction in sorted(found.blocks))
    yield from (_policy(policy) for policy in sorted(found.policies, key=lambda one: one.priority))
    if found.states is None:
        yield "# states: only counted"
    else:
        yield from map(_association, found.states)


def _policy(policy: Policy) -> str:
    return f"policy {policy}" + _rest(policy.unmodelled)


def _association(state: Association) -> str:
    mark = f" mark {state.mark.value:#x}/{state.mark.mask:#x}" if state.mark.mask else ""
    output = f" output-mark {state.set_mark.value:#x}/{state.set_mark.mask:#x}" if state.set_mark.mask else ""
    return f"state {state}{mark}{output} {state.algorithm}".rstrip() + _rest(state.unmodelled)


def _rest(unmodelled: str) -> str:
    return f" ({unmodelled}: not modelled)" if unmodelled else ""
