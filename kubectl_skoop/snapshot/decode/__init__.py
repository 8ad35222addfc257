"""Tables as they were collected → the state that the simulator runs on."""

from kubectl_skoop.snapshot.decode.namespace import Shared, decode_namespace

__all__ = ["Shared", "decode_namespace"]
