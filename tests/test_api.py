"""The door for plugin authors: what leaves it breaks somebody's plugin."""

import types

from kubectl_skoop import api


def test_the_names_are_sorted_and_all_there() -> None:
    assert list(api.__all__) == sorted(api.__all__)
    assert all(hasattr(api, name) for name in api.__all__)


def test_nothing_is_made_in_it() -> None:
    for name in api.__all__:
        value = getattr(api, name)
        if not isinstance(value, types.ModuleType):
            assert getattr(value, "__module__", "kubectl_skoop.api") != "kubectl_skoop.api", name


def test_the_names_are_these() -> None:
    names = """
        Address Balanced BasePluginNode Cluster ConfigBinder Context Detected Deviation Device Endpoint
        Expectation InfraFile InfraShim InputError IpNetwork Level Link NetNodeAction Network NetworkNamespace
        NoOptions NoVerdict NodeInfo NotCollected OptionError Packet Passing Place Plugin PodInfo Protocol
        Provider Service ServicePort Setting SimplePluginNode SimpleVethPod SkoopError Suspicion Tracked
        Unknown Wants Where Wishes calico_selects companion detection device_key expect key_digest option raw
    """
    assert api.__all__ == names.split()
