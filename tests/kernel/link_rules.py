"""Chains of the families that see frames, as lines of a trap lab."""


def chain(host: str, family: str, hook: str, *rules: str, priority: int = 0, policy: str = "accept") -> str:
    """`hook` may name devices, as nft writes it."""
    made = f"add table {family} f; add chain {family} f c "
    made += f"{{ type filter hook {hook} priority {priority}; policy {policy}; }}"
    made += "".join(f"; add rule {family} f c {rule}" for rule in rules)
    return f"{host}: $ nft '{made}'"


def also(family: str, hook: str, rule: str) -> str:
    """Another chain in the table of `chain`."""
    made = f"add chain {family} f d {{ type filter hook {hook} priority 0; }}; add rule {family} f d {rule}"
    return f"r: $ nft '{made}'"
