"""iptables-restore text put together from the rules of several writers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_TABLES = ("raw", "mangle", "filter", "nat")


@dataclass(frozen=True, slots=True)
class Ruleset:
    """One writer's own chains and rules, by table."""

    chains: Mapping[str, Sequence[str]]
    rules: Mapping[str, Sequence[str]]

    def text(self, *after: "Ruleset") -> str:
        """Input for `iptables-restore --noflush`; the rules of `after` follow its own."""
        writers = (self, *after)
        lines: list[str] = []
        for table in _TABLES:
            if not any(table in writer.rules for writer in writers):
                continue
            lines.append(f"*{table}")
            lines += [f":{chain} - [0:0]" for writer in writers for chain in writer.chains.get(table, ())]
            lines += [rule for writer in writers for rule in writer.rules.get(table, ())]
            lines.append("COMMIT")
        return "\n".join(lines) + "\n"
