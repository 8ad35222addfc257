"""Programs on devices of a lab that let every packet pass, in the places of an agent's own."""

import os
import socket

from kubectl_skoop.testing.netns import Namespace, entered
from tests.kernel.bpf_programs import BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_EGRESS, BPF_TCX_INGRESS, link, load

GO_ON = -1
"""TCX_NEXT."""


class Programs:
    def __init__(self) -> None:
        self._links: dict[tuple[str, str, int], int] = {}
        """Descriptors by namespace, device and place; closing one detaches its program."""

    def close(self) -> None:
        for descriptor in self._links.values():
            os.close(descriptor)
        self._links.clear()

    def attach(self, namespace: Namespace, device: str) -> None:
        """At both places."""
        for place in (BPF_TCX_INGRESS, BPF_TCX_EGRESS):
            with entered(namespace.path):
                program = load(BPF_PROG_TYPE_SCHED_CLS, place, GO_ON)
                try:
                    found = link(program, socket.if_nametoindex(device), place)
                finally:
                    os.close(program)
            self._links[namespace.name, device, place] = found

    def detach(self, namespace: Namespace, device: str) -> None:
        """What comes in by the device."""
        os.close(self._links.pop((namespace.name, device, BPF_TCX_INGRESS)))
