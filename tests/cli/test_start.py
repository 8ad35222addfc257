"""The program from its first moment on."""

import subprocess
import sys


def test_ctrl_c_while_it_starts_is_no_traceback() -> None:
    code = (
        "import sys, types\n"
        "from kubectl_skoop.cli import start\n"
        "def interrupted(): raise KeyboardInterrupt\n"
        "sys.modules['kubectl_skoop.cli.app'] = types.SimpleNamespace(main=interrupted)\n"
        "start.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
