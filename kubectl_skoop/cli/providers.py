"""`providers`."""

from kubectl_skoop.cli import installed, live
from kubectl_skoop.diagnosis.extension.registry import PROVIDERS

COMMAND_CLASS = live.LiveCommand
run = installed.command(PROVIDERS, "The cloud providers that are installed, with their options.")
