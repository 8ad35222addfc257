"""`plugins`."""

from kubectl_skoop.cli import installed, live
from kubectl_skoop.diagnosis.extension.registry import PLUGINS

COMMAND_CLASS = live.LiveCommand
run = installed.command(PLUGINS, "The network plugins that are installed, with their options.")
