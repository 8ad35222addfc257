"""What the cluster says about an object of ours."""

from urllib.parse import quote

from kubectl_skoop.cluster.raw import items, text
from kubectl_skoop.collect.live.api import Api
from kubectl_skoop.collect.live.errors import ClusterError


def last_event(api: Api, namespace: str, name: str) -> str:
    """Of a pod or Job, in one line; empty: none, or they may not be read."""
    query = [("fieldSelector", f"involvedObject.name={name}")]
    try:
        listed = api.get(f"/api/v1/namespaces/{quote(namespace)}/events", query)
    except ClusterError:
        return ""
    events = sorted(
        items(listed, "items"), key=lambda event: text(event, "lastTimestamp") or text(event, "eventTime")
    )
    if not events:
        return ""
    return " ".join(f"{text(events[-1], 'reason')}: {text(events[-1], 'message')}".split())
