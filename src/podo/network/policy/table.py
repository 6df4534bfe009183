"""The text of the nftables table of NetworkPolicies (pure). It is always replaced as a whole, in one transaction.

Source of the forms: nft(8). A packet to or from a pod is looked up once for each direction; whatever belongs to a
connection that was allowed passes. What the node itself sends (probes) is never stopped.
"""

from __future__ import annotations

from collections.abc import Iterable

from podo.network.policy.rules import Enforced
from podo.network.services.table import BATCH, delete_text

_HOOKS = """\
  chain forward_pods {
    type filter hook forward priority 0;
    ct state established,related accept
    ip saddr . ip daddr @self accept
    ip saddr vmap @egress
    ip daddr vmap @ingress
  }
  chain to_node {
    type filter hook input priority 0;
    ct state established,related accept
    ip saddr vmap @egress
  }
"""


def full_text(name: str, enforced: Enforced) -> str:
    """Replace the table; without isolated pods there is none."""
    if not enforced.pods:
        return delete_text(name)
    sets = "".join(f"  set {one} {{ type ipv4_addr; }}\n" for one in enforced.sets)
    chains = "".join(
        f"  chain {chain} {{\n" + "".join(f"    {line}\n" for line in lines) + "  }\n"
        for chain, lines in enforced.chains.items()
    )
    frame = (
        f"{delete_text(name)}table ip {name} {{\n"
        "  set self { type ipv4_addr . ipv4_addr; }\n"
        "  map ingress { type ipv4_addr : verdict; }\n"
        "  map egress { type ipv4_addr : verdict; }\n"
        f"{sets}{chains}{_HOOKS}}}\n"
    )
    return frame + "".join(_elements(name, enforced))


def _elements(name: str, enforced: Enforced) -> Iterable[str]:
    yield from _lines(name, "self", [f"{ip} . {ip}" for ip in enforced.pods])
    for direction, chains in (("ingress", enforced.ingress), ("egress", enforced.egress)):
        yield from _lines(name, direction, [f"{ip} : jump {chain}" for ip, chain in sorted(chains.items())])
    for one, addresses in enforced.sets.items():
        yield from _lines(name, one, list(addresses))


def _lines(name: str, into: str, items: list[str]) -> Iterable[str]:
    for start in range(0, len(items), BATCH):
        yield f"add element ip {name} {into} {{ {', '.join(items[start : start + BATCH])} }}\n"
