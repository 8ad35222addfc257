"""`providers`."""

from kubectl_skoop.cli import installed, live
from kubectl_skoop.diagnosis.extension.registry import PROVIDERS, load_provider

COMMAND_CLASS = live.LiveCommand
run = installed.command(
    PROVIDERS, load_provider, "The cloud providers that are installed, with their options."
)
