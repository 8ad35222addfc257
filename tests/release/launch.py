"""The archive's program: `kubectl-skoop`, after the traces of its packer are out of the environment."""

import os
from collections.abc import Mapping

CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep those that they trust; Debian, Fedora, openSUSE, Alpine and macOS."""


def environment(packed: Mapping[str, str]) -> dict[str, str]:
    """What the programs that we start (iptables, credential plugins) shall see.

    PyInstaller lets LD_LIBRARY_PATH lead to the archive's libraries, which fit no other program. Its OpenSSL
    looks for certificates where the system that built it has them.
    """
    kept = {name: value for name, value in packed.items() if not name.startswith("_PYI_")}
    before = kept.pop("LD_LIBRARY_PATH_ORIG", None)
    kept.pop("LD_LIBRARY_PATH", None)
    if before is not None:
        kept["LD_LIBRARY_PATH"] = before
    trusted = next(filter(os.path.exists, CERTIFICATES), None)
    if trusted is not None:
        kept.setdefault("SSL_CERT_FILE", trusted)
    return kept


if __name__ == "__main__":
    restored = environment(os.environ)
    for name in set(os.environ) - set(restored):
        del os.environ[name]
    os.environ.update(restored)
    from kubectl_skoop.cli.start import main

    main()
