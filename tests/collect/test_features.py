import gzip
from pathlib import Path

import pytest

from kubectl_skoop.collect.features import Kernel

CONFIG = "CONFIG_NF_TABLES=y\nCONFIG_IP_SET=m\n# CONFIG_XFRM_USER is not set\n"


def kernel(root: Path, *, modules: str = "", config: str = "", symbols: str = "") -> Kernel:
    if modules:
        (root / "modules").write_text(modules)
    if config:
        (root / "config.gz").write_bytes(gzip.compress(config.encode()))
    if symbols:
        (root / "kallsyms").write_text(symbols)
    return Kernel(proc=root, roots=(root / "container", root / "node"), release="6.1")


@pytest.mark.parametrize(
    ("module", "option", "has"),
    [
        pytest.param("nf_tables", "CONFIG_NF_TABLES", True, id="built in"),
        pytest.param("ip_set", "CONFIG_IP_SET", False, id="a module that is not loaded"),
        pytest.param("xfrm_user", "CONFIG_XFRM_USER", False, id="not built"),
        pytest.param("tcp_diag", "CONFIG_INET_TCP_DIAG", True, id="a module that is loaded"),
    ],
)
def test_the_configuration_tells_what_is_built_in(
    tmp_path: Path, module: str, option: str, has: bool
) -> None:
    made = kernel(tmp_path, modules="tcp_diag 16384 0 - Live 0x0\n", config=CONFIG)
    assert made.has(module, option) is has


def test_without_a_configuration_symbols_tell(tmp_path: Path) -> None:
    made = kernel(tmp_path, symbols="0 t ip_set_dump\n0 t other [nf_tables]\n")
    assert made.has("ip_set", "CONFIG_IP_SET")
    assert not made.has("nf_tables", "CONFIG_NF_TABLES")


def test_a_kernel_that_tells_nothing_has_nothing(tmp_path: Path) -> None:
    assert not kernel(tmp_path).has("nf_tables", "CONFIG_NF_TABLES")


@pytest.mark.parametrize(
    "name", ["node/boot/config-6.1", "node/lib/modules/6.1/config", "container/boot/config-6.1"]
)
def test_the_configuration_may_be_a_file_of_the_node(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text(CONFIG)
    assert kernel(tmp_path).has("nf_tables", "CONFIG_NF_TABLES")
    assert not kernel(tmp_path).has("ip_set", "CONFIG_IP_SET")
