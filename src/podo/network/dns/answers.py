"""From a question on the wire to an answer on the wire, out of the zone's records (no I/O).

An answer is worked out once by dnspython and kept as bytes under its question; the next one with the same question
costs a dictionary look-up. A change of the zone drops what is kept.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from podo.network.dns.zone import DnsRecord, fixed_records, pod_record

HEADER = struct.Struct("!6H")
QR, AA, TC, RD, RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
OPCODES = 0x7800
NOERROR, SERVFAIL, NXDOMAIN, NOTIMP = 0, 2, 3, 4
#: Seconds; as CoreDNS' kubernetes plug-in.
TTL = 5
#: What is sent in one UDP answer at the most, as agreed on DNS flag day 2020; without EDNS it is 512 (RFC 1035).
UDP_MOST, UDP_PLAIN = 1232, 512
#: An OPT record that says so (RFC 6891).
OPT = b"\x00" + struct.pack("!HHIH", 41, UDP_MOST, 0, 0)
#: Kept answers; past it all are dropped (a client that asks for random names must not fill the memory).
KEPT_MOST = 20_000
CNAMES_MOST = 8


class BadQuery(Exception):
    """Not a query that can be answered: nothing is sent back."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, as found in a query's bytes."""

    id: int
    flags: int
    name: str  # lower-case, without the final dot
    type: int
    wire: bytes  # the question section, as sent
    edns_size: int  # 0: no EDNS


def read_question(query: bytes) -> Question:
    """The one question of a query. Raises BadQuery for what is no query."""
    if len(query) < 17:
        raise BadQuery("too short")
    id_, flags, questions, _, _, additional = HEADER.unpack_from(query)
    if flags & QR or questions != 1:
        raise BadQuery("not one question")
    labels, position = [], HEADER.size
    while length := query[position]:
        if length > 63 or position + 1 + length >= len(query) - 4:
            raise BadQuery("bad name")
        labels.append(query[position + 1 : position + 1 + length])
        position += 1 + length
    end = position + 5
    if end > len(query):
        raise BadQuery("cut off")
    kind = int.from_bytes(query[position + 1 : position + 3], "big")
    name = b".".join(labels).decode("latin-1").lower()
    size = 0
    if additional and query[end : end + 3] == b"\x00\x00\x29" and len(query) >= end + 11:
        size = max(UDP_PLAIN, int.from_bytes(query[end + 3 : end + 5], "big"))
    return Question(id_, flags, name, kind, query[HEADER.size : end], size)


def failure(question: Question, code: int) -> bytes:
    """An answer with nothing in it but a response code."""
    return HEADER.pack(question.id, QR | RA | (question.flags & (RD | OPCODES)) | code, 1, 0, 0, 0) + question.wire


class Answers:
    """The zone, and the answers that were given from it."""

    def __init__(self, domain: str) -> None:
        self.domain = domain
        self._by_owner: dict[tuple[str, str], list[DnsRecord]] = {}
        self._by_name: dict[str, list[DnsRecord]] = defaultdict(list)
        self._parents: dict[str, int] = defaultdict(
            int
        )  # names that have names below them: they exist, without records
        self._kept: dict[tuple[str, int], tuple[int, int, int, bytes]] = {}
        self.put(("", ""), fixed_records(domain))

    def put(self, owner: tuple[str, str], records: list[DnsRecord]) -> None:
        """These are the records of ``owner`` (namespace and name of a Service) from now on; [] when it is gone."""
        former = self._by_owner.pop(owner, [])
        if former == records:  # as most changes of endpoints leave them: what was worked out stays good
            self._by_owner |= {owner: records} if records else {}
            return
        if records:
            self._by_owner[owner] = records
        for record in former:
            self._by_name[record.name].remove(record)
            if not self._by_name[record.name]:
                del self._by_name[record.name]
            self._count_parents(record.name, -1)
        for record in records:
            self._by_name[record.name].append(record)
            self._count_parents(record.name, 1)
        self._kept.clear()

    def _count_parents(self, name: str, step: int) -> None:
        while (name := name.partition(".")[2]) and name.endswith(self.domain):
            self._parents[name] += step
            if not self._parents[name]:
                del self._parents[name]

    def owns(self, name: str) -> bool:
        """Is the name ours to answer? (The zone, and the addresses that the zone has names for.)"""
        return name == self.domain or name.endswith(f".{self.domain}") or name in self._by_name

    def answer(self, question: Question, *, most: int) -> bytes:
        """The answer, at most ``most`` bytes: what is longer is cut (TC), and the client asks again over TCP."""
        if question.flags & OPCODES:
            return failure(question, NOTIMP)
        key = (question.name, question.type)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= KEPT_MOST:
                self._kept.clear()
            found = self._kept[key] = self._work_out(question)
        code, answers, authorities, body = found
        opt = OPT if question.edns_size else b""
        flags = QR | AA | RA | (question.flags & RD) | code
        if HEADER.size + len(question.wire) + len(body) + len(opt) > most:
            flags, answers, authorities, body = flags | TC, 0, 0, b""
        head = HEADER.pack(question.id, flags, 1, answers, authorities, 1 if opt else 0)
        return b"".join((head, question.wire, body, opt))

    def _work_out(self, question: Question) -> tuple[int, int, int, bytes]:
        """Response code, counts of answers and authorities, and their bytes."""
        import dns.rdatatype

        wanted = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(question.type))
        exists, records = self._look_up(question.name, wanted)
        if records:
            return NOERROR, len(records), 0, b"".join(map(_record_wire, records))
        return (NOERROR if exists else NXDOMAIN), 0, 1, self._soa()

    def _look_up(self, name: str, wanted: str) -> tuple[bool, list[DnsRecord]]:
        """Does the name exist, and its records of the wanted type, with the CNAMEs that lead there inside the zone."""
        chain: list[DnsRecord] = []
        for _ in range(CNAMES_MOST):
            here: Iterable[DnsRecord] = self._by_name.get(name) or ()
            if pod := pod_record(name, self.domain):
                here = [pod]
            matching = [r for r in here if r.type == wanted or wanted == "ANY"]
            aliases = [r for r in here if r.type == "CNAME"]
            if matching or not aliases:
                exists = bool(here) or name in self._parents or name == self.domain or bool(chain)
                return exists, [*chain, *matching]
            chain.append(aliases[0])
            name = aliases[0].data.rstrip(".").lower()
        return True, chain

    def _soa(self) -> bytes:
        data = f"ns.dns.{self.domain}. hostmaster.{self.domain}. 1 7200 1800 86400 {TTL}"
        return _record_wire(DnsRecord(self.domain, "SOA", data))


def _record_wire(record: DnsRecord) -> bytes:
    """One resource record, uncompressed."""
    import dns.name
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype

    kind = dns.rdatatype.from_text(record.type)
    data = dns.rdata.from_text(dns.rdataclass.IN, kind, record.data).to_wire()
    name = dns.name.from_text(f"{record.name}.").to_wire()
    assert name is not None
    assert data is not None
    return name + struct.pack("!HHIH", kind, 1, TTL, len(data)) + data
