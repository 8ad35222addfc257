"""What a redacted snapshot says of itself, for people. It is the sender's word: nobody signed it."""

from collections.abc import Mapping


def certificate_lines(certificate: Mapping[str, object]) -> list[str]:
    """Nothing for a file that is not redacted."""
    if not certificate:
        return []
    services, possible, pairs, unanswered, different = (
        _count(certificate, name) for name in ("services", "possible", "pairs", "unanswered", "different")
    )
    sample = f" (by chance, of {possible:,})" if possible > services else ""
    answers = f"{different} answers differ" if different else "the same answers"
    without = f"; {unanswered} had no verdict before" if unanswered else ""
    if not services + pairs:
        asked = "redacted; there was nothing to ask"
    else:
        asked = (
            f"redacted; asked before and after: {services} questions about services{sample}, {pairs} pairs: "
            f"{answers}{without}"
        )
    left_out = certificate.get("left_out")
    lines = [str(line) for line in left_out] if isinstance(left_out, list) else []
    return [asked, *(["left out:", *(f"  {line}" for line in lines)] if lines else [])]


def _count(certificate: Mapping[str, object], name: str) -> int:
    value = certificate.get(name)
    return value if type(value) is int and value >= 0 else 0
