"""How many pods that match a query are in each topology domain, and which placed pods demand something of newcomers.

Sums are kept as pods come and go, one addition a pod and query; they are made anew when nodes change.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import numpy as np

from podo.scheduler.noderows import NOWHERE, Domains, Mask, NodeRows, Numbers
from podo.scheduler.podterms import Labels, PodClass, PodTerms, Query, Term

#: Tallies kept; the one not used for longest goes.
LIMIT = 1024
#: Classes of pods whose matches are remembered.
CLASSES = 32768

Counts = dict[str, int]  # node name -> number


@dataclass(slots=True, eq=False)
class DomainSums:
    """``sums``: of what is counted on eligible rows, by domain. ``nodes``: eligible rows by domain."""

    domains: Domains
    eligible: Mask
    sums: Numbers
    nodes: Numbers
    character: int

    def add(self, row: int, amount: int) -> None:
        domain = self.domains.of_row[row]
        if domain != NOWHERE and self.eligible[row]:
            self.sums[domain] += amount

    def by_row(self) -> Numbers:
        """For each row the sum of its domain; 0 where it is in none."""
        of_row = self.domains.of_row
        if not len(self.sums):
            return np.zeros(len(of_row), dtype=np.int64)
        return np.where(of_row == NOWHERE, 0, self.sums[of_row])


def sums_of(rows: NodeRows, key: str | None, eligible: Mask, counts: list[Counts]) -> DomainSums:
    """Adds up from the beginning."""
    domains = rows.domains(key)
    good = eligible & rows.present & (domains.of_row != NOWHERE)
    where = domains.of_row[good]
    each: Numbers = np.zeros(rows.capacity, dtype=np.int64)
    for count in counts:
        for name, amount in count.items():
            row = rows.row_of.get(name)
            if row is not None:
                each[row] += amount
    size = domains.count
    sums = np.bincount(where, weights=each[good], minlength=size).astype(np.int64)
    return DomainSums(domains, good, sums, np.bincount(where, minlength=size).astype(np.int64), rows.character)


@dataclass(slots=True, eq=False)
class _Tally:
    query: Query
    key: str | None
    sums: DomainSums


@dataclass(slots=True, eq=False)
class Carried:
    """A demand that placed pods carry: how strong it is on each node, and in each domain (once asked for)."""

    term: Term
    counts: Counts = field(default_factory=dict)
    sums: DomainSums | None = None


class Tallies:
    """Of one snapshot, which tells of every pod that is placed and taken away."""

    def __init__(self, rows: NodeRows) -> None:
        self._rows = rows
        self.namespaces: dict[str, Labels] = {}
        self._placed: dict[PodClass, Counts] = {}
        self._tallies: OrderedDict[tuple[Query, str | None, Hashable], _Tally] = OrderedDict()
        self._anti: dict[Query, dict[str, Carried]] = {}
        self._liked: dict[Query, dict[str, Carried]] = {}
        #: Of each class of pods, what concerns it; forgotten when the queries or namespaces change.
        self._counted_by: dict[PodClass, list[_Tally]] = {}
        self._anti_of: dict[PodClass, list[Carried]] = {}
        self._liked_of: dict[PodClass, list[Carried]] = {}

    def set_namespace(self, name: str, labels: Labels | None) -> None:
        """Namespaces are chosen by their labels: where these change, everything is counted again."""
        if labels is None:
            self.namespaces.pop(name, None)
        elif self.namespaces.get(name) == labels:
            return
        else:
            self.namespaces[name] = labels
        queries = (*(tally.query for tally in self._tallies.values()), *self._anti, *self._liked)
        if any(query.by_namespace_labels for query in queries):
            self._tallies.clear()
            for memory in (self._counted_by, self._anti_of, self._liked_of):
                memory.clear()

    # Placed pods

    def add(self, pod: PodClass, terms: PodTerms, node_name: str, row: int | None, sign: int) -> None:
        """A pod came to the node (``sign`` 1), or left it (-1). ``row``: of the node, where it is known."""
        counts = self._placed.setdefault(pod, {})
        _change(counts, node_name, sign)
        if not counts:
            del self._placed[pod]
        if row is not None:
            for tally in self._counting(pod):
                if tally.sums.character == self._rows.character:
                    tally.sums.add(row, sign)
        for term in terms.anti:
            self._carry(self._anti, self._anti_of, term, node_name, row, sign)
        for term in terms.affinity:
            self._carry(self._liked, self._liked_of, term, node_name, row, sign)
        for term in terms.preferred:
            self._carry(self._liked, self._liked_of, term, node_name, row, sign * term.weight)

    def _carry(
        self,
        all_: dict[Query, dict[str, Carried]],
        memory: dict[PodClass, list[Carried]],
        term: Term,
        node_name: str,
        row: int | None,
        amount: int,
    ) -> None:
        keys = all_.setdefault(term.query, {})
        carried = keys.get(term.topology_key)
        if carried is None:
            carried = keys[term.topology_key] = Carried(term)
            memory.clear()
        _change(carried.counts, node_name, amount)
        if carried.sums is not None and row is not None and carried.sums.character == self._rows.character:
            carried.sums.add(row, amount)
        if not carried.counts:
            del keys[term.topology_key]
            if not keys:
                del all_[term.query]
            memory.clear()

    # Questions

    def count(self, query: Query, key: str | None, eligible: Mask, eligible_key: Hashable) -> DomainSums:
        """Placed pods that match the query, by domain of the topology key, on eligible nodes only. ``eligible_key``
        stands for ``eligible``, which is derived from nodes. Not to be changed."""
        place = (query, key, eligible_key)
        found = self._tallies.get(place)
        if found is None:
            found = self._tallies[place] = _Tally(query, key, self._counted(query, key, eligible))
            for pod, tallies in self._counted_by.items():
                if query.matches(pod, self.namespaces):
                    tallies.append(found)
            if len(self._tallies) > LIMIT:
                self._tallies.popitem(last=False)
                self._counted_by.clear()
        elif found.sums.character != self._rows.character:
            found.sums = self._counted(query, key, eligible)
        self._tallies.move_to_end(place)
        return found.sums

    def anti_against(self, pod: PodClass) -> list[Carried]:
        """Required anti-affinity of placed pods that matches this one."""
        return self._matching(self._anti, self._anti_of, pod)

    def liking(self, pod: PodClass) -> list[Carried]:
        """Affinity and preferred anti-affinity of placed pods that matches this one, with its weights."""
        return self._matching(self._liked, self._liked_of, pod)

    def carried_sums(self, carried: Carried) -> DomainSums:
        if carried.sums is None or carried.sums.character != self._rows.character:
            key = carried.term.topology_key
            carried.sums = sums_of(self._rows, key, self._rows.present, [carried.counts])
        return carried.sums

    def _counted(self, query: Query, key: str | None, eligible: Mask) -> DomainSums:
        matching = [counts for pod, counts in self._placed.items() if query.matches(pod, self.namespaces)]
        return sums_of(self._rows, key, eligible, matching)

    def _counting(self, pod: PodClass) -> list[_Tally]:
        if not self._tallies:
            return []
        found = self._counted_by.get(pod)
        if found is None:
            if len(self._counted_by) >= CLASSES:
                self._counted_by.clear()
            found = [tally for tally in self._tallies.values() if tally.query.matches(pod, self.namespaces)]
            self._counted_by[pod] = found
        return found

    def _matching(
        self, all_: Mapping[Query, dict[str, Carried]], memory: dict[PodClass, list[Carried]], pod: PodClass
    ) -> list[Carried]:
        if not all_:
            return []
        found = memory.get(pod)
        if found is None:
            if len(memory) >= CLASSES:
                memory.clear()
            found = memory[pod] = [
                carried
                for query, keys in all_.items()
                if query.matches(pod, self.namespaces)
                for carried in keys.values()
            ]
        return found


def _change(counts: Counts, name: str, amount: int) -> None:
    total = counts.get(name, 0) + amount
    if total:
        counts[name] = total
    else:
        counts.pop(name, None)
