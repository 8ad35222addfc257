from pathlib import Path

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.model.errors import InputError


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "gone"
    with pytest.raises(InputError, match=r"gone: cannot be read: No such file"):
        collect_node("n1", missing, {})


def test_a_file_that_is_no_namespace_is_named(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    with pytest.raises(InputError, match=r"plain: cannot be entered: Invalid argument"):
        collect_node("n1", plain, {})
