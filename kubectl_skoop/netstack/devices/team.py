"""team: several ports as one device, as its daemon set it up (drivers/net/team/team_core.c, team_mode_*.c).

Which port a hash, a turn or chance chooses is not computed: each is followed, and where they do not agree it
is unknown.
"""

from kubectl_skoop.model.packet import Frame, Passage
from kubectl_skoop.netstack import gap, xmit
from kubectl_skoop.netstack import receive as receiving
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import lower_ports
from kubectl_skoop.netstack.devices.team_types import NO_MODE, Team, TeamPort
from kubectl_skoop.netstack.stack import Stack

ACTIVE_BACKUP, BROADCAST, LOAD_BALANCE = "activebackup", "broadcast", "loadbalance"
MODES = (NO_MODE, ACTIVE_BACKUP, BROADCAST, LOAD_BALANCE, "roundrobin", "random")


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """team_xmit: out by the port in use, by all of them, or by one of those that work."""
    team = _known(stack, device, device, frame)
    if team is None:
        return
    ports = lower_ports.of(stack, device)
    usable = [port for port in ports if _sends(team, port)]
    if not usable:
        stack.lose(
            "bond.no-port",
            frame,
            f"{device.name} has no mode, so it discards what it should send"
            if team.mode == NO_MODE
            else f"{device.name} has no port that it could send by",
            where=stack.where(device=device.name),
            evidence=_evidence(team, device, ports),
            remedy=f"start teamd for {device.name}"
            if team.mode == NO_MODE
            else f"look at its ports: teamdctl {device.name} state",
        )
    elif team.mode == BROADCAST:
        for port in usable:
            xmit.transmit(stack, port, frame, passage)
    else:
        xmit.transmit(stack, lower_ports.one_of(stack, device, usable), frame, passage)


def _sends(team: Team, port: Device) -> bool:
    """ab_transmit and lb_transmit do not ask for the link, the others do (team_port_txable)."""
    if team.mode == NO_MODE:
        return False
    if team.mode == ACTIVE_BACKUP:
        return port.index == team.active
    state = team.ports.get(port.index, TeamPort())
    if team.mode == LOAD_BALANCE:
        return state.enabled
    link = port.up and port.carrier if state.user_link is None else state.user_link
    return state.enabled and link


def receive(stack: Stack, device: Device, port: Device, frame: Frame, passage: Passage) -> None:
    """team_handle_frame: as one that came in by the team, unless it came by a port that is not in use."""
    team = _known(stack, device, port, frame)
    if team is None:
        return
    enabled = team.ports.get(port.index, TeamPort()).enabled
    if enabled and (team.mode != ACTIVE_BACKUP or port.index == team.active):
        receiving.take(stack, device, frame, passage)
    else:
        stack.lose(
            "bond.inactive-port",
            frame,
            f"{port.name} is not a port that {device.name} uses: what comes in there is dropped",
            where=stack.where(device=port.name),
            evidence=_evidence(team, device, [port]),
            remedy=f"let the other side send to the port in use: teamdctl {device.name} state",
        )


def _known(stack: Stack, device: Device, at: Device, frame: Frame) -> Team | None:
    """None: its options do not tell, and that is told."""
    team = device.team
    reason = ""
    if team is None:
        reason = gap.table(stack, "team") or f"the options of {device.name} (team) were not collected"
    elif team.mode not in MODES:
        reason = f"{device.name} is a team in mode {team.mode}, which is not modelled"
    elif team.unmodelled:
        reason = f"{device.name}: {team.unmodelled}"
    if not reason:
        return team
    stack.give_up("device.unmodelled", frame, reason, where=stack.where(device=at.name))
    return None


def _evidence(team: Team, device: Device, ports: list[Device]) -> list[str]:
    return [
        f"{device.name}: mode {team.mode}",
        *(lower_ports.text(port, _state(team, port)) for port in ports),
        *([] if ports else [f"{device.name} has no port"]),
    ]


def _state(team: Team, port: Device) -> str:
    if not team.ports.get(port.index, TeamPort()).enabled:
        return "disabled"
    return "active" if port.index == team.active else "enabled"
