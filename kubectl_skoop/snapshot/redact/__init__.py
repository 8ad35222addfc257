"""Snapshots that can be sent: addresses and names replaced, relations kept, the unknown left out."""

from kubectl_skoop.snapshot.redact.learn import pseudonyms_for
from kubectl_skoop.snapshot.redact.prf import key_of, new_key
from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms
from kubectl_skoop.snapshot.redact.rewrite import redact

__all__ = ["Pseudonyms", "key_of", "new_key", "pseudonyms_for", "redact"]
