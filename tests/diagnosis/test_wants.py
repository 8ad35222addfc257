"""A snapshot keeps what the installed plugins want, and nothing else."""

import json
from pathlib import Path

from kubectl_skoop.diagnosis.extension.wants import allowed
from kubectl_skoop.snapshot.objects_file import read_objects


def test_what_a_plugin_wants_is_kept(tmp_path: Path) -> None:
    wanted = {
        "apiVersion": "crd.projectcalico.org/v1",
        "kind": "BGPConfiguration",
        "metadata": {"name": "default"},
        "spec": {"nodeToNodeMeshEnabled": False},
    }
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"key": "a2V5"}}
    file = tmp_path / "objects.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [wanted, secret]}))
    found = read_objects([file], allowed())
    assert list(found.get("BGPConfiguration.crd.projectcalico.org", ())) == [
        {key: wanted[key] for key in ("metadata", "spec")}
        | {"kind": "BGPConfiguration.crd.projectcalico.org", "status": None}
    ]
    assert "Secret" not in found
    assert "a2V5" not in repr(found)
