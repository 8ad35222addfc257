import errno
import os

import pytest

from kubectl_skoop.collect.netlink.message import MalformedMessage
from kubectl_skoop.collect.netlink.socket import Interrupted
from kubectl_skoop.collect.table import Absent, read_table


def error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("raised", "state"),
    [
        pytest.param(Absent("ip_vs is not loaded"), "absent", id="a feature that is not there"),
        pytest.param(error(errno.ENOENT), "absent", id="no such file"),
        pytest.param(error(errno.EOPNOTSUPP), "absent", id="a message that the kernel does not know"),
        pytest.param(error(errno.EPERM), "forbidden", id="not permitted"),
        pytest.param(error(errno.EACCES), "forbidden", id="permission denied"),
        pytest.param(TimeoutError(), "timeout", id="no answer"),
        pytest.param(error(errno.EIO), "failed", id="an error of the kernel"),
        pytest.param(Interrupted("changed at each of 4 readings"), "failed", id="torn at each reading"),
        pytest.param(MalformedMessage("9 bytes after the last message"), "failed", id="a broken answer"),
    ],
)
def test_what_goes_wrong_is_a_state_with_a_reason(raised: Exception, state: str) -> None:
    def read() -> object:
        raise raised

    table = read_table(read)
    assert (table.state, bool(table.reason), table.data) == (state, True, None)


def test_an_empty_list_is_ok() -> None:
    table = read_table(list)
    assert (table.state, table.data) == ("ok", [])
    assert table.time > 0
