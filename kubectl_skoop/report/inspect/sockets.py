"""`ss -tuanOe`: one line a socket."""

from collections.abc import Iterator

from kubectl_skoop.report.inspect.state import State
from kubectl_skoop.report.inspect.words import PROTOCOLS, TCP_SOCKET_STATES, word
from kubectl_skoop.snapshot.decode.entry import Entry

_HEADERS = ("Netid", "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port", "Details")


def print_sockets(state: State) -> Iterator[str]:
    from tabulate import tabulate

    rows = [_socket(state, row) for row in state.rows("sockets")]
    if rows:
        # A cell that looks like a number stays as it is written.
        headers = _HEADERS if state.headers else ()
        yield from tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True).split("\n")


def _socket(state: State, row: Entry) -> list[str]:
    device = row.number("if", 0)
    scope = f"%{state.device(device)}" if device else ""
    cells = [
        word(PROTOCOLS, row.number("protocol")),
        word(TCP_SOCKET_STATES, row.number("state")),
        str(row.number("rqueue", 0)),
        str(row.number("wqueue", 0)),
        _end(row.text("src"), scope, row.number("sport")),
        _end(row.text("dst"), "", row.number("dport")),
        " ".join(_details(row)),
    ]
    return [cell.replace("\n", "\\n") for cell in cells]


def _end(address: str, scope: str, port: int) -> str:
    written = f"[{address}]" if ":" in address else address
    return f"{written}{scope}:{port or '*'}"


def _details(row: Entry) -> Iterator[str]:
    if uid := row.number("uid", 0):
        yield f"uid:{uid}"
    if inode := row.number("inode", 0):
        yield f"ino:{inode}"
    if mark := row.number("mark", 0):
        yield f"fwmark:0x{mark:x}"
    if "v6only" in row.fields:
        yield f"v6only:{int(row.flag('v6only'))}"
