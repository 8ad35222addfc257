"""Which Linux it is, where releases differ."""

from kubectl_skoop.netstack.namespace import NetworkNamespace


def release(ns: NetworkNamespace) -> tuple[int, ...] | None:
    """Major and minor number of kernel.osrelease; None: not collected."""
    text = ns.sysctls.text("kernel.osrelease")
    if text is None:
        return None
    return tuple(int(part) for part in text.split("-")[0].split(".")[:2] if part.isdigit())
