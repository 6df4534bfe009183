"""``podo token``: bootstrap tokens, with which a machine that knows nothing yet finds and trusts the cluster."""

from __future__ import annotations

import argparse
import asyncio

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.authn import bootstrapsecret
from podo.authn.bootstrapsecret import NAMESPACE, PREFIX, TYPE
from podo.cli import cluster_option
from podo.cli.commands.up import duration
from podo.cli.errors import FAILURE, NOT_FOUND, NOT_RUNNING, USAGE, CommandFailed
from podo.cli.output.columns import age, table
from podo.cli.output.progress import done
from podo.client.contract import Client, Unreachable
from podo.client.http import HttpClient
from podo.cluster import bootstraptoken
from podo.cluster.bootstrap import create_or_replace
from podo.cluster.config import Config
from podo.runtime.chance import Chance
from podo.runtime.clock import SystemClock

_DAY = 24 * 3600.0
_GROUPS = ["system:bootstrappers:kubeadm:default-node-token"]
_USAGES = ["signing", "authentication"]


def arguments(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)
    parser.add_argument("action", choices=["create", "list", "delete"])
    parser.add_argument("id", nargs="?", help="delete: the token's id, its first six characters")
    parser.add_argument("--ttl", type=duration, default=_DAY, metavar="24h", help="how long it is good; 0 for ever")
    parser.add_argument("--groups", action="append", metavar="GROUP", help=f"(default: {_GROUPS[0]})")
    parser.add_argument("--usages", action="append", choices=_USAGES, help="(default: both)")
    parser.add_argument("--description", default="", help="what it is for")


def run(options: argparse.Namespace) -> None:
    config = cluster_option.running(options)
    if options.action == "delete" and not options.id:
        raise CommandFailed(USAGE, "which token?", "podo token list")
    try:
        asyncio.run(_run(config, options))
    except (Unreachable, OSError, TimeoutError) as failure:
        raise CommandFailed(NOT_RUNNING, f"the API server cannot be reached: {failure}", "podo status") from failure
    except ApiError as refused:
        raise CommandFailed(NOT_FOUND if refused.reason == "NotFound" else FAILURE, str(refused)) from refused


async def _run(config: Config, options: argparse.Namespace) -> None:
    client = HttpClient.from_kubeconfig(config.layout.kubeconfig)
    try:
        if options.action == "create":
            print(await create(client, config, options))
        elif options.action == "list":
            print(await _listed(client))
        else:
            await client.delete("Secret", PREFIX + options.id.partition(".")[0], NAMESPACE)
            done(f"token {options.id.partition('.')[0]} is deleted")
    finally:
        client.close()


async def create(client: Client, config: Config, options: argparse.Namespace) -> str:
    """The token. What a signing one needs to be of use is made with it."""
    token, usages = bootstraptoken.made(Chance()), options.usages or _USAGES
    expires = SystemClock().now() + options.ttl if options.ttl else None
    groups = options.groups or (_GROUPS if "authentication" in usages else [])
    if "signing" in usages:
        for obj in (bootstraptoken.cluster_info(config), *bootstraptoken.readers()):
            await create_or_replace(client, obj)
    made = bootstraptoken.secret_of(token, usages=usages, groups=groups, expires=expires, about=options.description)
    await client.create(made)
    return token


async def _listed(client: Client) -> str:
    now = SystemClock().now()
    found = await client.list("Secret", NAMESPACE, fields=f"type={TYPE}")
    headings = ("ID", "TTL", "USAGES", "GROUPS", "DESCRIPTION")
    return table(headings, [_row(secret, now) for secret in found.items])


def _row(secret: Obj, now: float) -> tuple[str, ...]:
    """Never the secret half."""
    text, expires = bootstrapsecret.text_of, bootstrapsecret.expiry_of(secret, now)
    usages = [usage for usage in _USAGES if text(secret, f"usage-bootstrap-{usage}") == "true"]
    left = "forever" if expires is None else "expired" if expires <= now else age(expires - now)
    identity, groups, about = (text(secret, key) for key in ("token-id", "auth-extra-groups", "description"))
    return identity, left, ",".join(usages), groups, about
