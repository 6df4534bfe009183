"""What a pod's /etc/hosts and /etc/resolv.conf say. Pure.

Source: the documentation's "Adding entries to Pod /etc/hosts with HostAliases" and "DNS for Services and Pods".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podo.api.kind import Obj
from podo.api.meta import namespace_of
from podo.node import podspec
from podo.node.translate import hostname_of

MOST_SERVERS = 3
MOST_SEARCHES = 32
Dns = tuple[list[str], list[str], list[str]]

_LOCAL = """127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
fe00::\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


def hosts_file(pod: Obj, ips: Sequence[str], cluster_domain: str, machine_hosts: str) -> str:
    """The text of /etc/hosts. ``machine_hosts`` is the machine's own, for pods on its network."""
    if podspec.is_host_network(pod):
        text = "# Kubernetes-managed hosts file (host network).\n" + machine_hosts
    else:
        text = "# Kubernetes-managed hosts file.\n" + _LOCAL
        name = hostname_of(pod)
        subdomain = pod["spec"].get("subdomain")
        full = f"{name}.{subdomain}.{namespace_of(pod)}.svc.{cluster_domain}\t{name}" if subdomain else name
        text += "".join(f"{ip}\t{full}\n" for ip in ips)
    aliases = pod["spec"].get("hostAliases") or ()
    if aliases:
        text += "\n# Entries added by HostAliases.\n"
        text += "".join(f"{alias['ip']}\t{chr(9).join(alias.get('hostnames') or ())}\n" for alias in aliases)
    return text


@dataclass(frozen=True, slots=True)
class ResolvConf:
    servers: list[str]
    searches: list[str]
    options: list[str]


def parse_resolv_conf(text: str) -> ResolvConf:
    """The machine's own resolv.conf (resolv.conf(5))."""
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver":
            servers.append(words[1])
        elif words[0] == "search":
            searches = [word for word in words[1:] if word != "."]
        elif words[0] == "options":
            options = words[1:]
    return ResolvConf(servers, searches, options)


def dns_of(pod: Obj, machine: ResolvConf, cluster_dns: Sequence[str], cluster_domain: str) -> Dns:
    """Servers, search domains and options by the pod's dnsPolicy and dnsConfig."""
    policy = pod["spec"].get("dnsPolicy") or "ClusterFirst"
    if policy == "ClusterFirst" and podspec.is_host_network(pod):
        policy = "Default"
    servers, searches, options = list(machine.servers), list(machine.searches), list(machine.options)
    if policy == "None":
        servers, searches, options = [], [], []
    elif policy in ("ClusterFirst", "ClusterFirstWithHostNet") and cluster_dns:
        own = [f"{namespace_of(pod)}.svc.{cluster_domain}", f"svc.{cluster_domain}", cluster_domain]
        servers, searches, options = list(cluster_dns), own + searches, ["ndots:5"]
    return _with_config(pod, servers, searches, options)


def _with_config(pod: Obj, servers: list[str], searches: list[str], options: list[str]) -> Dns:
    config = pod["spec"].get("dnsConfig") or {}
    servers = _unique(servers + list(config.get("nameservers") or ()))
    searches = _unique(searches + list(config.get("searches") or ()))
    merged = {option.partition(":")[0]: option for option in options}
    for option in config.get("options") or ():
        value = option.get("value")
        merged[option["name"]] = f"{option['name']}:{value}" if value not in (None, "") else option["name"]
    return servers[:MOST_SERVERS], searches[:MOST_SEARCHES], list(merged.values())


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))
