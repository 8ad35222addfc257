"""`serve`."""

from contextlib import closing
from typing import Annotated

import typer

from kubectl_skoop.cli import parameters
from kubectl_skoop.cli.output import emit, report_warning
from kubectl_skoop.cli.plugin_options import PluginOptionsCommand, typed_options, warn_of_unused
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.errors import InputError

COMMAND_CLASS = PluginOptionsCommand


def run(
    ctx: typer.Context,
    snapshot: parameters.SnapshotFile = None,
    address: Annotated[
        str,
        typer.Option("--address", metavar="ADDRESS:PORT", help="Where to listen; port 0: any that is free."),
    ] = "127.0.0.1:0",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen also where other machines can come from.")
    ] = False,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Answer to addresses without the token, too.")
    ] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    network_plugin: parameters.NetworkPlugin = "",
    cloud_provider: parameters.CloudProvider = "",
    proxy_mode: parameters.ProxyMode = "",
    cluster_cidr: parameters.ClusterCidr = "",
    service_cidr: parameters.ServiceCidr = "",
) -> None:
    """Serve a snapshot to a browser on this machine: ask questions, see the way as a picture, browse tables.

    Prints the address to open, with the token that it is asked for. Ctrl-C ends it.
    """
    from kubectl_skoop.collect.live.interrupts import Interrupts
    from kubectl_skoop.web.address import listen_address
    from kubectl_skoop.web.server import Server, new_token
    from kubectl_skoop.web.session import Session

    if snapshot is None:
        raise InputError("the snapshot is missing", hint="--snapshot FILE; 'snapshot -f FILE' gathers one")
    listen = listen_address(address)
    if not listen.address.is_loopback and not allow_remote:
        raise InputError(f"address {address}: other machines could come from there", hint="--allow-remote")
    options = Options(
        network_plugin=network_plugin,
        cloud_provider=cloud_provider,
        proxy_mode=proxy_mode,
        cluster_cidr=cluster_cidr,
        service_cidr=service_cidr,
        plugin=typed_options(ctx),
    )
    token = "" if no_token else new_token()
    with (
        Interrupts(),
        closing(Session(parameters.located(snapshot), options)) as session,
        Server(session, listen, token=token, remote=allow_remote) as server,
    ):
        if not listen.address.is_loopback:
            report_warning("without TLS, whoever is on the way can read along; the address is a password")
        warn_of_unused(ctx, session.facts)
        emit(server.home)
        if open_browser:
            import webbrowser

            webbrowser.open(server.home)
        server.serve_forever()
