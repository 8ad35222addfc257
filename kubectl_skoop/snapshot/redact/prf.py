"""Pseudorandom bytes of a key: without the key they tell nothing of what they were made of."""

import hashlib
import secrets

KEY_BYTES = 32
SHORTEST_KEY = 16


def new_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def key_of(content: bytes) -> bytes:
    """The key that a file of any length makes. Raises: ValueError where it is too short."""
    if len(content) < SHORTEST_KEY:
        raise ValueError(f"holds {len(content)} bytes, a key needs {SHORTEST_KEY} or more")
    return hashlib.blake2b(content, digest_size=KEY_BYTES).digest()


def prf(key: bytes, kind: str, data: bytes, size: int) -> bytes:
    """`size` bytes, at most 64. `kind`, at most 16 characters, keeps equal data of two kinds apart."""
    return hashlib.blake2b(data, key=key, person=kind.encode(), digest_size=size).digest()
