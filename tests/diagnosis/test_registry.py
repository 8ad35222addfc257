"""Which plugin and which provider: asked for, detected, or none; and what a stranger's can do wrong."""

import sys
from itertools import repeat
from types import ModuleType
from typing import Any, ClassVar

import pytest

from kubectl_skoop.api import (
    Context,
    Detected,
    NodeInfo,
    NoOptions,
    Passing,
    Place,
    Plugin,
    PodInfo,
    Wants,
    expect,
)
from kubectl_skoop.diagnosis.extension import guard, registry
from kubectl_skoop.diagnosis.extension.entry_point import EntryPoint
from kubectl_skoop.diagnosis.extension.guard import GuardedPlugin
from kubectl_skoop.diagnosis.extension.registry import PluginError, set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.errors import InputError, UnknownName
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import MODES, Mode, standard

BUILT_IN = {
    registry.PLUGINS: {
        "any",
        "aws-vpc-cni",
        "bridge",
        "calico",
        "canal",
        "cilium",
        "flannel",
        "kindnet",
        "kube-router",
        "terway",
    },
    registry.PROVIDERS: {"generic"},
}


def daemon_set(name: str, namespace: str = "kube-system") -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name, "namespace": namespace}}


def node_with(device: Device) -> dict[str, NetworkNamespace]:
    place = Place("node", "n1")
    return {"node/n1": NetworkNamespace(id="n1/4:1", place=place, node="n1", devices={device.index: device})}


@pytest.mark.parametrize("group", BUILT_IN)
def test_ours_are_installed_like_a_strangers(group: str) -> None:
    assert set(registry.installed(group)) >= BUILT_IN[group]


@pytest.mark.parametrize("mode", MODES)
def test_a_whole_cluster_is_recognised(make_context: Any, mode: Mode) -> None:
    setup = set_up(make_context(cluster_objects(mode, standard())))
    values = [(fact.name, fact.value) for fact in setup.facts]
    assert values == [
        ("network plugin", "calico" if mode == "calico" else "flannel"),
        ("cloud provider", "generic"),
        ("proxy mode", "iptables"),
        ("cluster CIDR", "10.244.0.0/16"),
    ]
    assert setup.network.plugin.name == values[0][1]
    assert setup.remarks == ()


@pytest.mark.parametrize(
    ("name", "plugin"),
    [
        ("kube-flannel-ds", "flannel"),
        ("kube-flannel-ds-amd64", "flannel"),
        ("kube-flannel", "flannel"),
        ("canal", "canal"),
        ("rke2-canal", "canal"),
        ("calico-node", "calico"),
        ("calico-node-windows", "calico"),
        ("kindnet", "kindnet"),
        ("kube-router", "kube-router"),
        ("aws-node", "aws-vpc-cni"),
        ("terway-eniip", "terway"),
        ("terway", "terway"),
        ("cilium", "cilium"),
        ("my-calico-node", "any"),
    ],
)
def test_a_daemon_set_tells_the_plugin(make_context: Any, name: str, plugin: str) -> None:
    fact = set_up(make_context([daemon_set(name)])).facts[0]
    assert fact.value == plugin
    expected = (
        "no plugin knows the CNI of this cluster" if plugin == "any" else f"DaemonSet kube-system/{name}"
    )
    assert fact.source == expected


@pytest.mark.parametrize(
    ("device", "plugin"),
    [
        pytest.param(Device(index=7, name="flannel.1", kind="vxlan"), "flannel", id="flannel's tunnel"),
        pytest.param(Device(index=7, name="cali0123456789a", kind="veth"), "calico", id="calico's veth"),
        pytest.param(Device(index=7, name="veth1", kind="veth"), "any", id="anybody's veth"),
    ],
)
def test_without_objects_a_device_tells_it(make_context: Any, device: Device, plugin: str) -> None:
    fact = set_up(make_context([], node_with(device))).facts[0]
    assert (fact.value, f"{device.name} on node/n1" in fact.source) == (plugin, plugin != "any")


def test_what_objects_tell_stands_before_what_devices_suggest(make_context: Any) -> None:
    ctx = make_context(
        [daemon_set("kube-flannel-ds")], node_with(Device(index=7, name="cali012", kind="veth"))
    )
    assert set_up(ctx).facts[0].value == "flannel"


def test_two_that_are_sure_are_both_named(make_context: Any) -> None:
    fact = set_up(make_context([daemon_set("kube-flannel-ds"), daemon_set("calico-node")])).facts[0]
    assert fact.value == "calico"
    assert (
        fact.source
        == "DaemonSet kube-system/calico-node (flannel too: DaemonSet kube-system/kube-flannel-ds)"
    )


def test_options_override_detection(make_context: Any) -> None:
    options = Options(
        network_plugin="any",
        cloud_provider="generic",
        proxy_mode="ipvs",
        cluster_cidr="10.0.0.0/8,fd00::/56",
        service_cidr="10.96.0.0/16, fd00:96::/112",
    )
    facts = set_up(make_context([daemon_set("calico-node")], options=options)).facts
    assert [(fact.value, fact.source) for fact in facts] == [
        ("any", "--network-plugin"),
        ("generic", "--cloud-provider"),
        ("ipvs", "--proxy-mode"),
        ("10.0.0.0/8,fd00::/56", "--cluster-cidr"),
        ("10.96.0.0/16, fd00:96::/112", "--service-cidr"),
    ]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        pytest.param(
            Options(network_plugin="flanel"),
            UnknownName,
            "no network plugin 'flanel' is installed",
            id="plugin",
        ),
        pytest.param(
            Options(cloud_provider="cloud"),
            UnknownName,
            "no cloud provider 'cloud' is installed",
            id="provider",
        ),
        pytest.param(
            Options(proxy_mode="userspace"),
            InputError,
            "--proxy-mode: one of iptables, ipvs, nftables, not 'userspace'",
            id="proxy mode",
        ),
        pytest.param(
            Options(plugin={"flanel-pod-mtu": "1"}),
            InputError,
            "no such option: --flanel-pod-mtu",
            id="owner",
        ),
        pytest.param(
            Options(network_plugin="flannel", plugin={"flannel-pod-mtu": "x"}),
            InputError,
            "--flannel-pod-mtu: a number, not 'x'",
            id="value",
        ),
    ],
)
def test_a_wrong_option_is_one_line(
    make_context: Any, options: Options, error: type[InputError], message: str
) -> None:
    with pytest.raises(error) as raised:
        set_up(make_context([], options=options))
    assert str(raised.value) == message


def test_a_misspelt_plugin_gets_the_nearest_names(make_context: Any) -> None:
    with pytest.raises(UnknownName) as raised:
        set_up(make_context([], options=Options(network_plugin="flanel")))
    assert raised.value.hint == "there is: flannel"


@pytest.mark.parametrize(
    ("config", "mode", "source"),
    [
        pytest.param("mode: ipvs\n", "ipvs", "ConfigMap kube-system/kube-proxy", id="said"),
        pytest.param(
            'mode: ""\n', "iptables", "ConfigMap kube-system/kube-proxy leaves it empty", id="left empty"
        ),
        pytest.param(None, "", "no ConfigMap of kube-proxy", id="no ConfigMap: not known"),
    ],
)
def test_the_proxy_mode_is_what_kube_proxy_was_told(
    make_context: Any, config: str | None, mode: str, source: str
) -> None:
    metadata = {"name": "kube-proxy", "namespace": "kube-system"}
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config.conf": config}}
    fact = make_context([item] if config else []).proxy_mode
    assert (fact.value, fact.source) == (mode, source)


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, registry.PLUGINS)


def test_of_two_packages_with_one_name_none_is_loaded() -> None:
    indexed = registry.index([entry("x", "one:X"), entry("y", "one:Y"), entry("x", "two:X")])
    assert list(indexed) == ["x", "y"]
    with pytest.raises(PluginError) as raised:
        indexed["x"].load()
    assert str(raised.value) == "several packages bring 'x': one:X and two:X"


def test_ours_stands_where_a_package_brings_its_name_again() -> None:
    ours = registry.installed(registry.PLUGINS)["any"]
    indexed = registry.index([entry("any", "a_package:Any"), entry("any", ours.value)])
    assert indexed["any"].value == ours.value
    with pytest.raises(PluginError, match=r"several packages bring 'any': .* and a_package:Any"):
        indexed["any (again)"].load()


def test_the_same_entry_twice_is_none() -> None:
    assert list(registry.index([entry("x", "one:X"), entry("x", "one:X")])) == ["x"]


class Breaking(Plugin):
    """A stranger's plugin in which everything fails but its detection."""

    name: ClassVar[str] = "breaking"
    options = NoOptions
    wants = Wants()

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return Detected("breaking", "always")

    def create_pod(self, pod: PodInfo) -> Any:
        raise KeyError(pod.name)

    def create_node(self, node: NodeInfo) -> Any:
        raise ValueError("no such thing")


class Undetectable(Breaking):
    name: ClassVar[str] = "undetectable"

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        raise RuntimeError("broken detection")


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> dict[str, EntryPoint]:
    """Installed beside ours: a plugin that is not there, one that is no class, one that fails to detect."""
    module = ModuleType("strangers")
    vars(module).update(NoClass=object(), Undetectable=Undetectable, Breaking=Breaking)
    monkeypatch.setitem(sys.modules, "strangers", module)
    found = {
        "absent": entry("absent", "no_such_module:Plugin"),
        "noclass": entry("noclass", "strangers:NoClass"),
        "undetectable": entry("undetectable", "strangers:Undetectable"),
    }
    ours = registry.installed

    def installed(group: str) -> dict[str, EntryPoint]:
        return {**ours(group), **(found if group == registry.PLUGINS else {})}

    monkeypatch.setattr(registry, "installed", installed)
    return found


def test_strangers_that_cannot_be_used_are_remarks_and_the_others_are_asked(
    make_context: Any, strangers: dict[str, EntryPoint]
) -> None:
    setup = set_up(make_context([daemon_set("calico-node")]))
    assert setup.facts[0].value == "calico"
    assert [finding.code for finding in setup.remarks] == ["plugin.unusable"] * len(strangers)
    texts = " ".join(finding.message for finding in setup.remarks)
    assert "No module named 'no_such_module'" in texts
    assert "is no class" in texts
    assert "broken detection" in texts


class Unmakeable(Breaking):
    name: ClassVar[str] = "unmakeable"

    def __init__(self, ctx: Context) -> None:
        raise RuntimeError("no licence")

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return Detected(cls.name, "always")


@pytest.mark.usefixtures("strangers")
def test_one_that_cannot_be_made_is_a_remark_unless_it_was_asked_for(
    make_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vars(sys.modules["strangers"]).update(Unmakeable=Unmakeable)
    found = {
        "unmakeable": entry("unmakeable", "strangers:Unmakeable"),
        **registry.installed(registry.PLUGINS),
    }
    found = {name: found[name] for name in ("any", "unmakeable")}
    ours = registry.installed
    monkeypatch.setattr(
        registry, "installed", lambda group: found if group == registry.PLUGINS else ours(group)
    )
    setup = set_up(make_context())
    assert (setup.facts[0].value, setup.facts[0].source) == (
        "any",
        "unmakeable, which this cluster has, cannot be used",
    )
    (remark,) = setup.remarks
    assert remark.message.partition("RuntimeError: no licence (test_registry.py, line ")[1]
    with pytest.raises(PluginError, match="no licence"):
        set_up(make_context([], options=Options(network_plugin="unmakeable")))


def test_providers_that_cannot_be_used_are_remarks_too(
    make_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Undetectable:
        @classmethod
        def detect(cls, ctx: Context) -> Detected | None:
            raise RuntimeError("broken detection")

        def create_network(self, ctx: Context) -> None:
            """Never called."""

    module = ModuleType("strangers")
    vars(module).update(Undetectable=Undetectable)
    monkeypatch.setitem(sys.modules, "strangers", module)
    found = {
        "absent": entry("absent", "no_such_module:P"),
        "broken": entry("broken", "strangers:Undetectable"),
    }
    ours = registry.installed
    monkeypatch.setattr(
        registry,
        "installed",
        lambda group: {**ours(group), **(found if group == registry.PROVIDERS else {})},
    )
    setup = set_up(make_context([]))
    assert setup.facts[1].value == "generic"
    assert [one.code for one in setup.remarks] == ["plugin.unusable"] * 2
    assert all("the provider" in one.message for one in setup.remarks)
    assert all("--cloud-provider" in one.remedy for one in setup.remarks)


def test_one_that_was_asked_for_by_name_must_load(
    make_context: Any, strangers: dict[str, EntryPoint]
) -> None:
    with pytest.raises(PluginError, match=r"absent .*cannot be used: ModuleNotFoundError"):
        set_up(make_context([], options=Options(network_plugin="absent")))


def test_a_plugin_that_raises_costs_its_own_wishes_only(make_context: Any) -> None:
    plugin = GuardedPlugin(Breaking(make_context([])))
    node = plugin.create_node(NodeInfo({"metadata": {"name": "n1"}}))
    pod = plugin.create_pod(PodInfo(name="a", namespace="default"))
    assert (node.place, pod.place) == (Place("node", "n1"), Place("pod", "default/a"))
    (finding,) = node.always()
    assert isinstance(finding, Suspicion)
    assert (finding.code, finding.where.place) == ("plugin.failed", node.place)
    assert finding.message.partition("ValueError: no such thing (test_registry.py, line ")[1]
    packetless = Passing(upstream=None, arrived=None, left=())  # type: ignore[arg-type]
    assert [one.code for one in pod.wishes(packetless) if isinstance(one, Suspicion)] == ["plugin.failed"]


def test_a_plugin_that_never_ends_is_left(make_context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(Breaking):
        def create_node(self, node: NodeInfo) -> Any:
            return self

        def always(self) -> Any:
            return repeat(expect.sysctl("net.ipv4.ip_forward", 1, because="it says so"))

    monkeypatch.setattr(guard, "MAX_WISHES", 3)
    action = GuardedPlugin(Endless(make_context([]))).create_node(NodeInfo({"metadata": {"name": "n1"}}))
    *_, last = action.always()
    assert isinstance(last, Suspicion)
    assert "OverflowError: it has more than 3 wishes" in last.message


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("10.96/12", "'10.96/12' does not appear to be an IPv4 or IPv6 network"),
        ("10.96.0.1/12", "10.96.0.1/12 has host bits set"),
        ("10.96.0.0/16,", "'' does not appear to be an IPv4 or IPv6 network"),
    ],
)
def test_a_network_that_is_none_is_one_line(written: str, message: str, make_context: Any) -> None:
    for option, given in (
        ("--cluster-cidr", Options(cluster_cidr=written)),
        ("--service-cidr", Options(service_cidr=written)),
    ):
        with pytest.raises(InputError) as error:
            set_up(make_context([], options=given))
        assert str(error.value) == f"{option}: {message}"
