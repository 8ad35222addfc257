"""Labels of connections (nf_conntrack_labels.c)."""

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.conntrack import Connection

_MOST = 128


def has_label(connection: Connection, label: str) -> Ternary:
    """A number, or a name of connlabel.conf, whose number is not known here."""
    labels = connection.labels
    if labels is None:
        return Unknown("the labels of the connection")
    if label in labels:
        return True
    alike = all(one.isdecimal() == label.isdecimal() for one in labels)
    return False if alike else Unknown(f"which number the label {label} has")


def set_label(connection: Connection, label: str) -> Ternary:
    """Whether there was room for it: connections have it that began behind the first rule that sets one
    (nf_ct_labels_ext_add)."""
    if connection.labels is None or (connection.existing and not connection.labels):
        return Unknown("whether a connection that exists can have labels")
    connection.labels.add(label)
    return True


def bits(connection: Connection) -> int | Unknown:
    if connection.labels is None or not all(map(_is_number, connection.labels)):
        return Unknown("the labels of the connection")
    return sum(1 << int(label) for label in connection.labels)


def _is_number(label: str) -> bool:
    return label.isdecimal() and int(label) < _MOST
