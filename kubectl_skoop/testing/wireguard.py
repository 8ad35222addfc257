"""What labs with WireGuard between the nodes have in common."""

from kubectl_skoop.testing.netns import Namespace


def shake_hands(namespace: Namespace, address: str) -> None:
    """With the peer that has the address inside the tunnel, before others ask: when both ends begin at once
    neither takes the other's response, and both wait for REKEY_TIMEOUT, 5 seconds
    (drivers/net/wireguard/noise.c, wg_noise_handshake_consume_response).

    Raises:
        LabError: it does not answer.
    """
    namespace.run("ping", "-q", "-c", "1", "-W", "10", address)
