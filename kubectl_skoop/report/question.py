"""What was asked, in a line."""

from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.place import Endpoint
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.fields import protocol_name


def question(diagnosis: Diagnosis) -> str:
    """`pod/default/a (10.244.1.2) to service/default/web (10.96.0.10), tcp 80`."""
    asked = diagnosis.request
    port = f" {asked.dport}" if asked.dport else ""
    protocol = protocol_name(asked.protocol)
    return safe(f"{_end(asked.source)} to {_end(asked.destination)}, {protocol}{port}")


def _end(endpoint: Endpoint) -> str:
    if endpoint.kind == "external" or not endpoint.name:
        return str(endpoint.address)
    return f"{endpoint.kind}/{endpoint.name} ({endpoint.address})"
