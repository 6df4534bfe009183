"""The text of podo's nftables table: the whole of it, and the changes to it (pure).

Sources of the forms: nft(8). One table owns everything: ``delete table`` takes all of it away in one transaction.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from podo.network.services.rules import Element, chain_body, chains_in

#: The mark of packets that leave with the node's address (as kube-proxy's).
MASQUERADE_MARK = "0x4000"
#: Elements a line of nft: long lines make its parser slow.
BATCH = 500


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What stands in the table besides Services. CIDRs and addresses are IPv4. ``service_cidr``: the first range of
    cluster IPs; further ones, as the first, are elements."""

    name: str  # nftables table name, e.g. "podo"
    cluster_cidr: str
    service_cidr: str
    node_ips: tuple[str, ...]
    behind: tuple[str, ...] = ()  # networks besides the pods' that reach the outside through this node

    def __post_init__(self) -> None:
        ipaddress.ip_network(self.cluster_cidr)
        ipaddress.ip_network(self.service_cidr)


def delete_text(name: str) -> str:
    """Remove the table, whether it is there or not."""
    return f"table ip {name}\ndelete table ip {name}\n"


def full_text(facts: TableFacts, elements: Iterable[Element]) -> str:
    """Replace the whole table in one transaction."""
    wanted = list(elements)
    inside = ", ".join((facts.cluster_cidr, *facts.behind))
    maps = _MAPS.format(f=facts, nodes=", ".join(facts.node_ips), inside=inside)
    chains = "\n".join(f"  chain {name} {{ {chain_body(name)} }}" for name in sorted(chains_in(wanted)))
    return (
        delete_text(facts.name)
        + f"table ip {facts.name} {{\n{maps}{chains}\n{_HOOKS}}}\n"
        + _element_lines("add", facts.name, wanted)
    )


def change_text(name: str, before: frozenset[Element], after: frozenset[Element], known_chains: set[str]) -> str:
    """From one Service's elements to its next; "" when nothing changes. Chains are made when first needed and kept."""
    gone, new = before - after, after - before
    if not gone and not new:
        return ""
    chains = sorted(chains_in(new) - known_chains)
    made = "".join(f"add chain ip {name} {chain}\n" for chain in chains)
    made += "".join(
        f"add rule ip {name} {chain} {rule}\n" for chain in chains for rule in chain_body(chain).split("; ") if rule
    ).replace(";\n", "\n")
    return made + _element_lines("delete", name, gone) + _element_lines("add", name, new)


def _element_lines(verb: str, name: str, elements: Iterable[Element]) -> str:
    by_map: dict[str, list[str]] = defaultdict(list)
    for element in elements:
        key_only = verb == "delete" or not element.value
        by_map[element.map].append(element.key if key_only else f"{element.key} : {element.value}")
    return "".join(
        f"{verb} element ip {name} {mapping} {{ {', '.join(items[start : start + BATCH])} }}\n"
        for mapping, items in sorted(by_map.items())
        for start in range(0, len(items), BATCH)
    )


_MAPS = """\
  set cluster_cidr {{ type ipv4_addr; flags interval; elements = {{ {f.cluster_cidr} }}; }}
  set inside {{ type ipv4_addr; flags interval; elements = {{ {inside} }}; }}
  set service_cidr {{ type ipv4_addr; flags interval; }}
  set node_ips {{ type ipv4_addr; elements = {{ {nodes} }}; }}
  set hairpin {{ type ipv4_addr . ipv4_addr; }}
  map svc {{ type ipv4_addr . inet_proto . inet_service : verdict; }}
  map nodeport {{ type inet_proto . inet_service : verdict; }}
  map ep_tcp {{ typeof ip daddr . tcp dport . numgen random mod 65536 : ip daddr . tcp dport; }}
  map ep_udp {{ typeof ip daddr . udp dport . numgen random mod 65536 : ip daddr . udp dport; }}
  map np_tcp {{ typeof tcp dport . numgen random mod 65536 : ip daddr . tcp dport; }}
  map np_udp {{ typeof udp dport . numgen random mod 65536 : ip daddr . udp dport; }}
  map hostport {{ type inet_proto . inet_service : ipv4_addr . inet_service; }}
  chain mark_masq {{ meta mark set meta mark or 0x4000; }}
"""

# What this machine itself sends keeps its port. One taken at random may be that of a connection which the pod closed a
# moment ago (TIME_WAIT): by its timestamps it takes the new SYN for an old one, and the client waits a second. With its
# own port the pod sees the same client again, whose timestamps only grow. Others' ports are random, as upstream, since
# two machines may choose the same at the same time.
_HOOKS = f"""\
  chain services {{
    ip daddr . meta l4proto . th dport vmap @svc
    ip daddr @node_ips meta l4proto . th dport vmap @nodeport
    ip daddr @node_ips dnat ip to meta l4proto . th dport map @hostport
  }}
  chain nat_pre {{ type nat hook prerouting priority -100; jump services; }}
  chain nat_out {{ type nat hook output priority -100; jump services; }}
  chain nat_post {{
    type nat hook postrouting priority 100;
    meta mark & {MASQUERADE_MARK} != 0 fib saddr type local \
      meta mark set meta mark xor {MASQUERADE_MARK} masquerade
    meta mark & {MASQUERADE_MARK} != 0 meta mark set meta mark xor {MASQUERADE_MARK} masquerade fully-random
    ip saddr . ip daddr @hairpin masquerade
    ip saddr @inside ip daddr != @inside ip daddr != @node_ips fib daddr type != local \
      oifname != "lo" masquerade
  }}
  chain refuse {{ meta l4proto tcp reject with tcp reset; reject; }}
  chain filter_forward {{ type filter hook forward priority 0; ip daddr @service_cidr goto refuse; }}
  chain filter_output {{ type filter hook output priority 0; ip daddr @service_cidr goto refuse; }}
"""
