"""Reading one table: what went wrong becomes its state, never an empty list."""

import errno
import struct
import time
from collections.abc import Callable

from kubectl_skoop.collect.netlink.message import MalformedMessage
from kubectl_skoop.collect.netlink.socket import Interrupted
from kubectl_skoop.snapshot.dump import Table


class Absent(Exception):
    """This kernel, or this machine, has no such thing; the message says what is missing."""


_NO_SUCH_FEATURE = frozenset(
    {errno.ENOENT, errno.ENOSYS, errno.EOPNOTSUPP, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}
)


def read_table(read: Callable[[], object]) -> Table:
    started = time.time()
    try:
        return Table(time=started, data=read())
    except Absent as missing:
        return Table(state="absent", reason=str(missing), time=started)
    except PermissionError as error:
        return Table(state="forbidden", reason=describe(error), time=started)
    except TimeoutError as error:
        return Table(state="timeout", reason=describe(error) or "no answer from the kernel", time=started)
    except OSError as error:
        absent = error.errno in _NO_SUCH_FEATURE
        return Table(state="absent" if absent else "failed", reason=describe(error), time=started)
    except (Interrupted, MalformedMessage, struct.error) as error:
        return Table(state="failed", reason=str(error), time=started)


def describe(error: OSError) -> str:
    if error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return error.strerror or str(error)
