"""The objects of a running cluster at one moment, for verbs that look at it as a whole."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable
from pathlib import Path

from podo.api import registry
from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.cli import cluster_option
from podo.cli.errors import FAILURE, NOT_RUNNING, CommandFailed
from podo.client.contract import Client, Unreachable
from podo.client.http import HttpClient
from podo.cluster.why.finding import Picture

#: Objects of a page, and pages at most.
PAGE, PAGES = 500, 2000


def add_options(parser: argparse.ArgumentParser) -> None:
    cluster_option.add(parser)
    parser.add_argument("--kubeconfig", type=Path, help="ask the cluster of this kubeconfig instead")
    parser.add_argument("--context", default="", help="the context of the kubeconfig")


def kubeconfig(options: argparse.Namespace) -> Path:
    """Of the cluster that the options name. Raises CommandFailed."""
    path: Path = options.kubeconfig or cluster_option.running(options).layout.kubeconfig
    return path


def observe(options: argparse.Namespace, kinds: Iterable[str]) -> Picture:
    """Everything of these kinds. Raises CommandFailed."""
    path = kubeconfig(options)
    try:
        return asyncio.run(_observe(path, options.context, kinds))
    except (Unreachable, OSError, TimeoutError) as failure:
        raise CommandFailed(NOT_RUNNING, f"the API server cannot be reached: {failure}", "podo status") from failure
    except (ApiError, ValueError) as failure:
        raise CommandFailed(FAILURE, str(failure)) from failure


async def _observe(kubeconfig: Path, context: str, kinds: Iterable[str]) -> Picture:
    client = HttpClient.from_kubeconfig(kubeconfig, context)
    try:
        return Picture({kind: tuple(await everything(client, kind)) for kind in kinds})
    finally:
        client.close()


async def everything(client: Client, kind: str) -> list[Obj]:
    """Of each page; the kind and apiVersion, which lists leave out, are filled in."""
    found: list[Obj] = []
    known, token = registry.named(kind), ""
    for _ in range(PAGES):
        page = await client.list(kind, limit=PAGE, continue_token=token)
        found += [{"apiVersion": known.api_version, "kind": known.kind, **item} for item in page.items]
        token = page.continue_token
        if not token:
            break
    return found
