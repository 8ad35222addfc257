"""`-o yaml`: the fields of `-o json`, ASCII only."""

import yaml

from kubectl_skoop.report.fields import Fields


class _Dumper(yaml.SafeDumper):
    """Writes equal values out each time: anchors are hard to read."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def yaml_text(fields: Fields) -> str:
    return yaml.dump(fields, Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=110)
