"""What was not read, where it would decide: the reason, for whoever has to say that he does not know.

Tables are named as in `NetworkNamespace.gaps`. A sysctl that every kernel has, but the snapshot lacks, is a
gap, too; a namespace without any was made by hand and has the defaults.
"""

from typing import TYPE_CHECKING

from kubectl_skoop.netstack.conntrack_types import Tuple
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.remembered import remembered
from kubectl_skoop.netstack.sysctl import device_key

if TYPE_CHECKING:
    from kubectl_skoop.netstack.stack import Stack


def table(stack: "Stack", *names: str) -> str:
    """Why the first of these tables that is not there is not; empty: all are."""
    return table_of(stack.ns, *names)


def table_of(ns: NetworkNamespace, *names: str) -> str:
    """The same where nothing is walked."""
    for name in names:
        reason = ns.gaps.get(name)
        if reason is not None:
            return f"{name} of {ns.place} could not be read: {reason}"
    return ""


def connection(stack: "Stack", wanted: Tuple) -> str:
    """Why it is not known whether there is a conntrack entry that was not found; empty: there is none."""
    if reason := table(stack, "conntrack", "conntrack_cut"):
        return reason
    cut = stack.ns.conntrack_cut
    reason = cut.leaves_out(wanted) if cut else ""
    return f"conntrack of {stack.ns.place}: {reason}" if reason else ""


def routing(stack: "Stack") -> str:
    """Why no route can be looked up here; asked where a packet comes to this namespace's layer 3."""
    return table(stack, "rules", "routes")


def sysctl(stack: "Stack", *keys: str) -> str:
    """Why the first of these settings is not known; empty: all are. Only for files that each kernel has."""
    return _sysctl(stack.ns, *keys)


def _sysctl(ns: NetworkNamespace, *keys: str) -> str:
    if reason := _unread(ns, *keys):
        return reason
    if not ns.sysctls.values and "sysctls" not in ns.gaps:
        return ""
    for key in keys:
        if ns.sysctls.text(key) is None:
            return f"{key} of {ns.place} was not read" + _because(ns)
    return ""


def unread(stack: "Stack", *keys: str) -> str:
    """Why the first of these settings could not be read, though the kernel has it; empty: there is none.

    For files that not every kernel has, too.
    """
    return _unread(stack.ns, *keys)


def _unread(ns: NetworkNamespace, *keys: str) -> str:
    for key in keys:
        if key in ns.sysctls.unread:
            return f"{key} of {ns.place} could not be read: {ns.sysctls.unread[key]}"
    return ""


def device_sysctl(stack: "Stack", device: str, settings: tuple[str, ...]) -> str:
    """The same for settings of an IPv4 device, whose value of `all` counts too."""
    return device_sysctl_of(stack.ns, device, settings)


@remembered
def device_sysctl_of(ns: NetworkNamespace, device: str, settings: tuple[str, ...]) -> str:
    """The same where nothing is walked."""
    names = ("all", device_key(device))
    return _sysctl(ns, *(f"net.ipv4.conf.{name}.{setting}" for setting in settings for name in names))


def _because(ns: NetworkNamespace) -> str:
    reason = ns.gaps.get("sysctls")
    return f": {reason}" if reason else ""
