"""Long lists of words, as they are read best."""


def listed(text: str) -> frozenset[str]:
    return frozenset(text.split())
