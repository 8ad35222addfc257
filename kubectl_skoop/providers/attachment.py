"""Whether the interfaces of nodes, and the addresses of their pods, are where the cloud has them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kubectl_skoop.api import Address, Context, Device, NodeInfo, Place, PodInfo, Suspicion, Unknown
from kubectl_skoop.providers.finding import not_told, remark
from kubectl_skoop.providers.inventory import INTERFACES, InterfaceT, VpcInventory


@dataclass(frozen=True, kw_only=True)
class Attachments:
    """How one provider names things."""

    provider: str
    """Beginning of its codes."""
    cloud: str
    instance_of: Callable[[NodeInfo], str]
    """Its id; empty: the node is none of this cloud."""
    look: str
    """Command that lists the interfaces."""

    def findings(
        self,
        known: VpcInventory[InterfaceT],
        ctx: Context,
        is_local: Callable[[InterfaceT, Address], bool],
    ) -> Iterator[Suspicion]:
        """`is_local`: the VPC leads the address to an interface that has it, not by another route.

        Raises: ValueError (an answer that is none of the API's).
        """
        whole = known.whole(INTERFACES)
        if isinstance(whole, Unknown):
            code, what = f"{self.provider}.unknown", "which interfaces nodes and pods have was not compared"
            yield not_told(code, Unknown(f"{what}: {whole.reason}"))
            return
        macs = {each.mac for each in known.interfaces}
        for node in ctx.cluster.nodes():
            instance = self.instance_of(node)
            if not instance:
                continue
            own = known.by_instance.get(instance, ())
            if not own:
                yield self._nothing_of(node, instance)
                continue
            place = Place("node", node.name)
            for nic in ctx.nics(place):
                if nic.mac.lower() not in macs and ctx.addresses(place, nic):
                    yield self._unknown_nic(ctx, node, nic)
            if ctx.plugin.pods_in_underlay:
                for pod in ctx.pods_of(node.name):
                    yield from self._pod(known, node, own[0], pod, is_local)

    def _nothing_of(self, node: NodeInfo, instance: str) -> Suspicion:
        return remark(
            f"{self.provider}.interface.missing",
            node,
            f"{self.cloud} has no network interface of {instance}, which node {node.name} is",
            (f"providerID: {node.provider_id}",),
            "look whether the instance is gone, or whether the answers are of another account or region",
        )

    def _unknown_nic(self, ctx: Context, node: NodeInfo, nic: Device) -> Suspicion:
        addresses = ctx.addresses(Place("node", node.name), nic)
        return remark(
            f"{self.provider}.interface.missing",
            node,
            f"{nic.name} has the MAC {nic.mac}, and no network interface of {self.cloud} has it: what it "
            "sends goes nowhere",
            (f"addresses of {nic.name}: {', '.join(str(entry.address) for entry in addresses)}",),
            f"look whether the interface was detached or deleted: {self.look}",
        )

    def _pod(
        self,
        known: VpcInventory[InterfaceT],
        node: NodeInfo,
        own: InterfaceT,
        pod: PodInfo,
        is_local: Callable[[InterfaceT, Address], bool],
    ) -> Iterator[Suspicion]:
        """A branch interface hangs on its trunk, and answers do not always say of which instance it is."""
        for address in pod.addresses:
            there = known.by_address(own.vpc, address)
            if isinstance(there, Unknown):
                if is_local(own, address):
                    yield self._misplaced(node, pod, address, "is not one of any network interface")
            elif there.instance not in ("", own.instance):
                where = f"is one of {there.id} of {there.instance}, not of {own.instance}"
                yield self._misplaced(node, pod, address, where)

    def _misplaced(self, node: NodeInfo, pod: PodInfo, address: Address, where: str) -> Suspicion:
        return remark(
            f"{self.provider}.address.misplaced",
            node,
            f"{address} of {pod.key} {where}: {self.cloud} leads it elsewhere than to node {node.name}",
            (f"pod {pod.key} of node {node.name}: {address}",),
            f"start the pod anew; if it comes again, look at the log of the CNI's agent on {node.name}",
        )
