"""Ports as a user writes them: a number, or a name that a service or a container gives."""

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.service import Service, ServicePort
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.model.place import Endpoint


def service_port(service: Service, name: str, protocol: str = "") -> ServicePort:
    """The port of that name, or the only one if the name is empty. Raises: InputError."""
    ports = [port for port in service.ports if not protocol or port.protocol == protocol.upper()]
    found = [port for port in ports if not name or port.name == name]
    if len(found) == 1:
        return found[0]
    numbers = ((port.name, f"{port.port}/{port.protocol}") for port in service.ports)
    listed = ", ".join(f"{name} ({number})" if name else number for name, number in numbers)
    what = f"no port {name}" if name else f"{len(ports)} ports"
    of_protocol = f" of {protocol.upper()}" if protocol and not name else ""
    raise InputError(f"service {service.key} has {what}{of_protocol}: {listed or 'none at all'}")


def port_number(cluster: Cluster, destination: Endpoint, written: str, protocol: str) -> int:
    """`written`: what the user gave; empty: the only port of a service. Raises: InputError."""
    if written.isdecimal():
        return in_range(written)
    match destination.kind:
        case "service" | "lb":
            return service_port(cluster.service(destination.name), written, protocol).port
        case "pod" if written:
            return _container_port(cluster, destination.name, written, protocol)
        case _ if written:
            raise InputError(f"port {written!r}: only services and pods give names to ports")
        case _:
            raise InputError(f"which port of {destination.name}?", hint="-p PORT")


def in_range(digits: str) -> int:
    """Raises: InputError."""
    if len(digits) > 5 or not 1 <= int(digits) <= 65535:
        raise InputError(f"port {digits[:20]}: 1 to 65535")
    return int(digits)


def _container_port(cluster: Cluster, key: str, name: str, protocol: str) -> int:
    named = [port for container in cluster.pod(key).containers for port in container.ports if port.name]
    for port in named:
        if port.name == name and port.protocol == protocol.upper():
            return port.port
    listed = ", ".join(f"{port.name} ({port.port}/{port.protocol})" for port in named)
    raise InputError(f"pod {key} has no port {name} of {protocol.upper()}: {listed or 'it names none'}")
