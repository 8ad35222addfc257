"""Examples of each command, printed by its `--help`. Tests run every one of them."""

from collections.abc import Mapping
from typing import NamedTuple


class Example(NamedTuple):
    about: str
    words: str
    """After `kubectl skoop`."""


EXAMPLES: Mapping[str, tuple[Example, ...]] = {
    "diagnose": (
        Example("Why does the cart not reach its database?", "diagnose pod/shop/cart svc/shop/db -p 5432"),
        Example("The same of a file", "diagnose pod/default/a svc/default/web -p 80 --snapshot bundle.skoop"),
        Example(
            "Does a full-size packet fit?",
            "diagnose pod/default/a 10.0.0.2 --protocol icmp --size 1500 --df --snapshot bundle.skoop",
        ),
        Example(
            "Every rule that the packet meets, as JSON",
            "diagnose -s pod/default/a -d pod/default/b -p 8080 --trace -o json --snapshot bundle.skoop",
        ),
    ),
    "check": (
        Example("All nodes of the cluster", "check"),
        Example("A stranger's file", "check --snapshot bundle.skoop -o wide"),
        Example(
            "With what the cloud says of its network",
            "check --snapshot bundle.skoop --cloud-provider aws --infra aws",
        ),
        Example(
            "Every finding at its own place, for a program", "check --each -o json --snapshot bundle.skoop"
        ),
    ),
    "connectivity": (
        Example("Who may talk to whom", "connectivity --snapshot bundle.skoop"),
        Example(
            "One question: exit code 0 allowed, 1 denied",
            "connectivity --from default/a --to default/b -p 8080 --snapshot bundle.skoop",
        ),
        Example("Of manifests, before they are applied", "connectivity --manifests objects.yaml -o markdown"),
    ),
    "policies": (
        Example("What applies to what a pod sends", "policies -s default/a --snapshot bundle.skoop"),
        Example(
            "Which rule decides",
            "policies -s default/a -d default/b -p 8080 --snapshot bundle.skoop",
        ),
    ),
    "snapshot": (
        Example("Of the whole cluster", "snapshot -f all.skoop"),
        Example("The same, gathered by the cluster itself", "snapshot --in-cluster -f all.skoop"),
        Example(
            "Of node dumps and objects", "snapshot -f all.skoop --node-dump n1.dump --objects objects.yaml"
        ),
    ),
    "collect": (
        Example("On the node w1, as root", "collect --node w1 -f w1.dump"),
        Example(
            "With a pod's namespace, named by hand",
            "collect --node w1 -f w1.dump --netns shop/cart=/run/netns/cart",
        ),
    ),
    "diff": (
        Example("What changed since the old file", "diff bundle.skoop new.skoop"),
        Example(
            "And what that does to a flow",
            "diff bundle.skoop new.skoop -s default/a -d svc/default/web -p 80",
        ),
    ),
    "redact": (
        Example("To send it to a stranger", "redact bundle.skoop sent.skoop"),
        Example("And keep who is who", "redact bundle.skoop sent.skoop --map names.json"),
    ),
    "inspect": (
        Example("What a file holds", "inspect --snapshot bundle.skoop"),
        Example("A node's routes, as ip prints them", "inspect node/n1 routes --snapshot bundle.skoop"),
        Example("A pod's sockets, as JSON", "inspect default/a sockets -o json --snapshot bundle.skoop"),
    ),
    "serve": (Example("In the browser of this machine", "serve --open --snapshot bundle.skoop"),),
    "cleanup": (Example("Look for what killed runs left, and remove it", "cleanup"),),
    "plugins": (
        Example("With their options", "plugins"),
        Example("What a file's cluster is taken for", "plugins --detect --snapshot bundle.skoop"),
    ),
    "providers": (Example("With their options", "providers"),),
    "explain": (
        Example("All codes", "explain"),
        Example("One of them", "explain bridge.hairpin"),
    ),
    "completion": (
        Example("For this session", "completion bash"),
        Example("For good", "completion --install"),
    ),
    "version": (
        Example("With the API server's", "version"),
        Example("Without asking it", "version --client"),
    ),
}


def epilog(command: str) -> str:
    r"""For `--help`; `\b` keeps the parser's library from filling lines. Empty: the command has none."""
    lines = [f"  # {about}\n  kubectl skoop {words}" for about, words in EXAMPLES.get(command, ())]
    return "\n".join(["\b", "Examples:", *lines]) if lines else ""
