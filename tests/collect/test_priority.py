import os
import threading

from kubectl_skoop.collect.priority import LOWEST, low_priority


def test_what_is_started_inside_gives_way() -> None:
    seen: list[int] = []
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with low_priority():
        worker = threading.Thread(target=lambda: seen.append(os.getpriority(os.PRIO_PROCESS, 0)))
        worker.start()
        worker.join()
    assert seen == [LOWEST]
    assert os.geteuid() != 0 or os.getpriority(os.PRIO_PROCESS, 0) == before
