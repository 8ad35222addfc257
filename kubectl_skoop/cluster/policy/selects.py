"""Calico's selectors for plugins: what reads them is loaded when one is asked."""

from collections.abc import Mapping


def calico_selects(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether labels are selected; an empty selector is all(). Raises: Invalid."""
    from kubectl_skoop.cluster.policy.calico_labels import selects

    return selects(selector, labels)
