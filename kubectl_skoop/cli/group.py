"""Commands by name: a module is imported when its command is used, so the others cost no start-up time."""

import importlib
from difflib import get_close_matches
from typing import NamedTuple

import typer
import typer.main

# The pinned typer (0.28) carries its click inside; it is the only place of the base classes' argument types.
from typer._click.core import Command as AnyCommand
from typer._click.core import Context
from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand, TyperGroup

from kubectl_skoop.cli.examples import epilog
from kubectl_skoop.model.errors import SkoopError

HELP = ["-h", "--help"]
"""As kubectl has it."""


class Command(NamedTuple):
    module: str
    """Below `kubectl_skoop.cli`; `run` in it is the command, `COMMAND_CLASS` its class if it has one."""
    text: str
    """One line for the list of commands."""


COMMANDS: dict[str, Command] = {
    "diagnose": Command(
        "diagnose", "Walk one packet and its answer: does it arrive, and if not, what stops it?"
    ),
    "check": Command("check", "Without a flow: what every plugin wants on every node."),
    "connectivity": Command("connectivity", "Who may talk to whom on which ports, by policy alone."),
    "policies": Command("policies", "Which policies select a pod, which pods a policy selects."),
    "snapshot": Command("snapshot", "Gather a snapshot of a live cluster, or assemble one from node dumps."),
    "collect": Command("collect", "On a node, as root: dump what its kernel would use."),
    "diff": Command("diff", "What changed between two snapshots, and what that does to a flow."),
    "redact": Command("redact", "Write a snapshot that can be sent: names and addresses replaced."),
    "inspect": Command("inspect", "Print what is in a snapshot as the usual tools print it."),
    "serve": Command("serve", "Serve a snapshot to a browser on this machine."),
    "cleanup": Command("cleanup", "Remove what runs that were killed left in the cluster."),
    "plugins": Command("plugins", "The network plugins that are installed, with their options."),
    "providers": Command("providers", "The cloud providers that are installed, with their options."),
    "explain": Command("explain", "What a finding's code means, how to check it by hand, how to mend it."),
    "completion": Command(
        "completion", "Complete words with the tab key, in bash, zsh, fish and by kubectl."
    ),
    "version": Command("version", "Print the version, and what was found on this machine."),
}


class LazyGroup(TyperGroup):
    """The group of `COMMANDS`. Lists them without importing one."""

    _listing = False

    def list_commands(self, ctx: Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> TyperCommand | None:
        if cmd_name not in COMMANDS:
            if not ctx.resilient_parsing:
                near = get_close_matches(cmd_name, COMMANDS, n=1)
                ctx.fail(f"no such command: {cmd_name}" + (f" (did you mean {near[0]}?)" if near else ""))
            return None
        if self._listing:
            return TyperCommand(name=cmd_name, help=COMMANDS[cmd_name].text)
        return load(cmd_name)

    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, AnyCommand | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and isinstance(command, TyperCommand) and not {*HELP} & {*rest}:
            from kubectl_skoop.cli.defaults import set_defaults

            set_defaults(ctx, command, name, rest)
        return name, command, rest

    def invoke(self, ctx: Context) -> object:
        try:
            return super().invoke(ctx)
        except SkoopError as error:
            from kubectl_skoop.cli.origin import told

            error.args = (told(ctx, str(error)),)
            raise

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        self._listing = True
        super().format_help(ctx, formatter)


def load(name: str) -> TyperCommand:
    """Imports the module of a command and makes the command out of its function `run`."""
    module = importlib.import_module(f"kubectl_skoop.cli.{COMMANDS[name].module}")
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name, cls=getattr(module, "COMMAND_CLASS", None))(module.run)
    command = typer.main.get_command(app)
    assert isinstance(command, TyperCommand)
    command.name = name
    command.context_settings["help_option_names"] = HELP
    command.epilog = epilog(name)
    return command
