"""The flows of a trap lab, walked over what was collected."""

from ipaddress import ip_address

from kubectl_skoop.diagnosis.extension.interface import InfraShim
from kubectl_skoop.diagnosis.walk.fan_out import Way, fan_out
from kubectl_skoop.diagnosis.walk.flow import FlowResult, Runner, Setting, outcome
from kubectl_skoop.diagnosis.walk.outside import Outside
from kubectl_skoop.diagnosis.walk.shim import Underlay
from kubectl_skoop.diagnosis.walk.world import World
from kubectl_skoop.model.packet import Owner
from kubectl_skoop.model.place import Endpoint, Place
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.netstack.l4 import icmp
from kubectl_skoop.testing.trap_flow import NUMBERS, Flow, Told
from kubectl_skoop.testing.trap_lab import Collected


def predict(collected: Collected, flow: Flow) -> list[str]:
    """What the walk says: one text for each way, `unknown: …` where it does not know."""
    place = Place("pod", f"lab/{flow.host}")
    return [_way_text(way, flow, place) for way in walked(collected, flow)]


def loss_codes(collected: Collected, flow: Flow) -> set[str]:
    """Why packets of the flow are lost, by code, over all ways."""
    ways = walked(collected, flow)
    return {loss.because.code for way in ways for loss in way.result.branch.losses()}


def walked(collected: Collected, flow: Flow) -> list[Way[FlowResult]]:
    place = Place("pod", f"lab/{flow.host}")
    target = ip_address(flow.address)
    probe = Probe(
        source=Endpoint("pod", place.name, ip_address(flow.source or "0.0.0.0")),
        destination=Endpoint("external", flow.address, target),
        protocol=NUMBERS[flow.protocol],
        dport=flow.port,
        sport=flow.sport,
        size=flow.size,
        df=flow.df,
        owner=Owner(uid=flow.uid),
        device=flow.device,
        bind_source=ip_address(flow.source) if flow.source else None,
    )
    runner = Runner(
        World(collected, lambda address: None, collected.pod_of_address),
        Underlay(InfraShim(), lambda name: None),
        Outside(lambda address: "external"),
        lambda world: world.at(place),
    )
    setting = Setting(full=flow.bulk, segment=flow.segment, use_existing=flow.existing)
    return list(fan_out(lambda choices: runner.run(probe, setting, choices), outcome))


def _way_text(way: Way[FlowResult], flow: Flow, place: Place) -> str:
    result = way.result
    if way.unknown or result.fate == "unknown":
        return f"unknown: {way.unknown or (result.unknown.reason if result.unknown is not None else '')}"
    told = Told(result.symptom)
    for stack in result.branch.stacks.values():
        for server in stack.servers:
            if server.established and server.protocol == NUMBERS[flow.protocol]:
                told.seen.add(f"{stack.ns.place.name.split('/')[1]} sees {server.remote}")
    for visit in result.branch.visits:
        packet = visit.packet
        if packet is not None and visit.place == place and visit.journey.served and icmp.is_error(packet):
            told.errors.add(f"icmp {packet.icmp_type}/{packet.icmp_code} from {packet.src}")
    return str(told)
