"""Cluster DNS: what names there are, and what goes over the wire. Answers are read by dnspython, as a client would."""

from __future__ import annotations

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from podo.network.dns.answers import Answers, BadQuery, read_question
from podo.network.dns.zone import records_of

WEB = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"clusterIP": "10.96.3.4", "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
}
HEADLESS = {"metadata": {"name": "db", "namespace": "default"}, "spec": {"clusterIP": "None"}}
ALIAS = {
    "metadata": {"name": "out", "namespace": "default"},
    "spec": {"type": "ExternalName", "externalName": "web.default.svc.cluster.local"},
}
SLICE = {
    "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}],
    "endpoints": [
        {"addresses": ["10.244.0.7"], "hostname": "db-0", "conditions": {"ready": True}},
        {"addresses": ["10.244.0.8"], "conditions": {"ready": True}},
        {"addresses": ["10.244.0.9"], "conditions": {"ready": False}},
    ],
}


@pytest.fixture
def answers() -> Answers:
    zone = Answers("cluster.local")
    zone.put(("default", "web"), records_of(WEB, [], "cluster.local"))
    zone.put(("default", "db"), records_of(HEADLESS, [SLICE], "cluster.local"))
    zone.put(("default", "out"), records_of(ALIAS, [], "cluster.local"))
    return zone


def ask(zone: Answers, name: str, kind: str, *, edns: bool = False, most: int = 512) -> dns.message.Message:
    query = dns.message.make_query(name, kind, use_edns=0 if edns else None)
    reply = dns.message.from_wire(zone.answer(read_question(query.to_wire()), most=most))
    assert reply.id == query.id
    assert query.is_response(reply)
    return reply


def texts(reply: dns.message.Message) -> set[str]:
    return {item.to_text() for answer in reply.answer for item in answer}


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("web.default.svc.cluster.local", "A", {"10.96.3.4"}),
        ("WEB.Default.svc.cluster.local", "A", {"10.96.3.4"}),
        ("_http._tcp.web.default.svc.cluster.local", "SRV", {"0 50 80 web.default.svc.cluster.local."}),
        ("4.3.96.10.in-addr.arpa", "PTR", {"web.default.svc.cluster.local."}),
        ("db.default.svc.cluster.local", "A", {"10.244.0.7", "10.244.0.8"}),
        ("db-0.db.default.svc.cluster.local", "A", {"10.244.0.7"}),
        ("10-244-0-8.db.default.svc.cluster.local", "A", {"10.244.0.8"}),
        ("7.0.244.10.in-addr.arpa", "PTR", {"db-0.db.default.svc.cluster.local."}),
        ("out.default.svc.cluster.local", "A", {"web.default.svc.cluster.local.", "10.96.3.4"}),
        ("10-244-0-5.default.pod.cluster.local", "A", {"10.244.0.5"}),
        ("dns-version.cluster.local", "TXT", {'"1.1.0"'}),
    ],
)
def test_names_of_the_specification(answers: Answers, name: str, kind: str, expected: set[str]) -> None:
    reply = ask(answers, name, kind)
    assert reply.rcode() == dns.rcode.NOERROR
    assert texts(reply) == expected


def test_a_name_that_is_not_there_is_nxdomain_with_soa(answers: Answers) -> None:
    reply = ask(answers, "nobody.default.svc.cluster.local", "A")
    assert reply.rcode() == dns.rcode.NXDOMAIN
    assert reply.authority[0].rdtype == dns.rdatatype.SOA


@pytest.mark.parametrize(
    ("name", "kind"), [("web.default.svc.cluster.local", "AAAA"), ("default.svc.cluster.local", "A")]
)
def test_a_name_without_such_records_is_no_error(answers: Answers, name: str, kind: str) -> None:
    reply = ask(answers, name, kind)
    assert reply.rcode() == dns.rcode.NOERROR
    assert not reply.answer


def test_names_follow_the_services(answers: Answers) -> None:
    ask(answers, "web.default.svc.cluster.local", "A")
    answers.put(("default", "web"), [])
    answers.put(("default", "db"), [])
    answers.put(("default", "out"), [])
    assert ask(answers, "web.default.svc.cluster.local", "A").rcode() == dns.rcode.NXDOMAIN
    assert ask(answers, "default.svc.cluster.local", "A").rcode() == dns.rcode.NXDOMAIN


def test_what_does_not_fit_is_cut_and_edns_is_answered(answers: Answers) -> None:
    many = {"endpoints": [{"addresses": [f"10.244.1.{n}"]} for n in range(60)]}
    answers.put(
        ("default", "many"),
        records_of({**HEADLESS, "metadata": {"name": "many", "namespace": "default"}}, [many], "cluster.local"),
    )
    cut = ask(answers, "many.default.svc.cluster.local", "A")
    assert cut.flags & 0x0200
    whole = ask(answers, "many.default.svc.cluster.local", "A", edns=True, most=65535)
    assert len(texts(whole)) == 60
    assert whole.edns == 0


@pytest.mark.parametrize(
    "junk", [b"", b"\x00" * 11, b"\x00" * 20, b"\xff" * 40, b"\x00\x01\x80\x00\x00\x01" + b"\x00" * 20]
)
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises((BadQuery, IndexError)):
        read_question(junk)
