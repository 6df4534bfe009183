"""The lessons that show more than one command, run as a reader runs them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.machine import needs_containerd, needs_root
from tests.live.podo import Cluster, free_port

pytestmark = [pytest.mark.live, needs_root, needs_containerd]

LESSONS = Path(__file__).parents[2] / "lessons"
#: Each takes half a minute; on a busy machine some minutes.
SECONDS = 600


def lesson(cluster: Cluster, name: str, **more: str) -> str:
    """What a lesson printed; it must have ended well. ``more``: of its environment."""
    names = {"KUBECONFIG": str(cluster.kubeconfig), "CONTEXT": f"podo-{cluster.name}", **more}
    running = subprocess.Popen(
        ["bash", str(LESSONS / name / "run.sh")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **names},
        start_new_session=True,
    )
    try:
        told, _ = running.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)  # also what runs beside it, which would keep the pipe open
        pytest.fail(f"not done within {SECONDS} s:\n{running.communicate()[0]}")
    assert running.returncode == 0, told
    return told


def test_the_other_workloads(shared_cluster: Cluster) -> None:
    try:
        told = lesson(shared_cluster, "02-workloads")
    finally:
        objects = str(LESSONS / "02-workloads")
        shared_cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", objects)
    assert re.search(r"^hello +Complete +4/4", told, re.M) and re.search(
        r"^every-minute-\d+ +Complete +1/1", told, re.M
    )
    assert re.search(r"^fluentd-daemon +(\d+) +\1 +\1 +\1 +\1 ", told, re.M)
    assert re.findall(r"^web-\d .* (\d)$", told, re.M) == ["0", "1", "2"]
    assert "statefulset.apps/web rolled back" in told


def test_four_ways_to_roll_out_and_what_users_see_of_each(shared_cluster: Cluster) -> None:
    told = lesson(shared_cluster, "03-rollouts")
    assert "Requests failed in the gap: exit code 1." in told
    assert "Failed requests: rolling update 0, blue/green 0, canary 0 (0: none)." in told, told
    totals = re.findall(r"all: (\d+) requests", told)
    assert len(totals) == 4 and min(map(int, totals)) > 100, told
    shares = re.findall(r"1\.14\.2 +\d+ +(\d+) %    1\.16\.1", told.partition("# 4. Canary")[2])
    assert any(60 <= int(share) <= 90 for share in shares), told  # three pods of four


def test_a_user_with_a_key_of_her_own_and_what_she_may_do(shared_cluster: Cluster) -> None:
    told = lesson(shared_cluster, "04-access")
    assert re.search(r"^Groups +\[developers system:authenticated\]$", told, re.M), told
    assert 'User "jane" cannot list resource "nodes" in API group "" at the cluster scope' in told
    assert "this should have been refused" not in told


def test_configuration_secrets_and_private_images(shared_cluster: Cluster) -> None:
    address = f"127.0.0.1:{free_port()}"
    ask_directly(shared_cluster, address)
    own = {"DATA_DIR": str(shared_cluster.data_dir), "PODO": str(Path(sys.executable).with_name("podo"))}
    told = lesson(shared_cluster, "05-configuration", REGISTRY=address, **own)
    assert "field is immutable when `immutable` is set" in told
    assert re.search(r"# of the ConfigMap\n[1-9]\d* times", told) and "# of the Secret\n0 times" in told
    if shutil.which("docker-registry") and shutil.which("skopeo"):
        assert told.count("401 Unauthorized") == 2 and "pod/friend-too condition met" in told
        assert f"{address}/team/app:1" not in shared_cluster.podo("image list").out


def ask_directly(cluster: Cluster, address: str) -> None:
    """Let the nodes ask this registry itself; the mirror of the tests' clusters has nothing."""
    for node in (cluster.data_dir / "nodes").iterdir():
        directory = node / "containerd" / "certs.d" / address
        directory.mkdir()
        (directory / "hosts.toml").write_text(f'server = "http://{address}"\n')


def test_what_a_team_and_a_container_may_have(shared_cluster: Cluster) -> None:
    told = lesson(shared_cluster, "06-limits")
    assert "failed quota: team-quota: must specify limits.cpu for: main" in told
    assert "OOMKilled 137" in told and 'deployment "crowd" successfully rolled out' in told
    assert 'namespaces "lesson-limits" not found' in told


def test_what_a_container_may_do_and_what_a_namespace_lets_in(shared_cluster: Cluster) -> None:
    told = lesson(shared_cluster, "07-pod-security")
    assert "uid=1000 gid=3000" in told and "CapEff:\t00000000a80425fb" in told
    assert 'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true, hostPID=true)' in told
    assert "pod/in-runtimeclass condition met" in told


def test_as_many_pods_as_the_work_takes(shared_cluster: Cluster) -> None:
    told = lesson(shared_cluster, "10-autoscaling")
    assert "New size: 3; reason: cpu resource utilization" in told
    assert re.search(r"^web +Deployment/web .* 1 +3 ", told, re.M) and "0 restarts" in told


def test_every_type_of_service_and_who_reaches_whom(shared_cluster: Cluster) -> None:
    told = lesson(shared_cluster, "08-services")
    assert "(one and the same)" in told and "20 hostname-server-" in told
    assert "<pending>" in told and "canonical name = www.example.com" in told
    assert "(the stranger is out)" in told


def test_a_kind_of_ones_own_and_a_rule_for_it(shared_cluster: Cluster) -> None:
    told = lesson(shared_cluster, "12-custom-resources")
    assert "at most 100 vines fit in a row" in told and "grape is immutable" in told
    assert "denied request: no more than 50 vines here" in told
    assert "could not find the requested resource" in told


def test_the_life_of_a_pod_and_how_it_is_probed(shared_cluster: Cluster) -> None:
    told = lesson(shared_cluster, "09-probes")
    assert "6 preStop hook\n7 SIGTERM\n8 sidecar ends\n" in told
    assert "out of grapes, exit code 3" in told and "ready:true" in told
    assert "Liveness probe failed: HTTP probe failed with statuscode: 403" in told


def test_what_stays_when_containers_and_pods_end(shared_cluster: Cluster) -> None:
    told = lesson(shared_cluster, "11-volumes")
    assert "No space left on device" in told and "written by the first" in told
    assert re.search(r"lesson-pv-vol1 .* Released +lesson-volumes/my-claim", told)
    assert re.search(r"www-web-1 +Bound", told)


def test_where_pods_go(simulated_cluster: Cluster) -> None:
    told = lesson(simulated_cluster, "13-scheduling")
    assert "had untolerated taint(s)" in told and "Insufficient cpu" in told
    assert "Cannot evict pod as it would violate the pod's disruption budget" in told
    assert not simulated_cluster.kubectl.path("{.items[*].spec.taints}", "nodes")


def test_the_pod_itself(shared_cluster: Cluster) -> None:
    told = lesson(shared_cluster, "14-pods", DATA_DIR=str(shared_cluster.data_dir))
    assert "did not find expected '-' indicator" in told and "cannot unmarshal bool into Go struct field" in told
    assert "QUERY_STRING=by=port-forward" in told and "QUERY_STRING=by=service" in told
    assert "bind: Address already in use" in told
    assert "Goodbye static web" in told and "may not reference serviceaccounts" in told


def test_who_looks_after_whom(simulated_cluster: Cluster) -> None:
    told = lesson(simulated_cluster, "15-labels")
    assert "Deployment nginx-deployment\n" in told and "Scaled down replica set myapp from" in told
    assert 'no context exists with the name: "production"' in told


def test_an_application_as_a_chart(simulated_cluster: Cluster) -> None:
    told = lesson(simulated_cluster, "16-helm")
    assert "got string, want integer" in told and "Rollback was a success" in told
    assert "vineyard/fcapp" in told and 'release "airflow" uninstalled' in told


def test_what_a_container_is_made_of(shared_cluster: Cluster) -> None:
    told = lesson(shared_cluster, "17-containers", DATA_DIR=str(shared_cluster.data_dir))
    assert told.count("1 packets received") == 4 and '"ociVersion"' in told
    one, two, alone = (re.findall(r"net:\[(\d+)\]", line) for line in re.findall(r"^sleep 100\d: .*", told, re.M))
    assert one == two != alone


def test_the_api_behind_kubectl(simulated_cluster: Cluster) -> None:
    told = lesson(simulated_cluster, "18-api")
    assert told.count("ensure CRDs are installed first") == 4 and "livez check passed" in told
    assert 'User \\"system:anonymous\\" cannot list' in told and "no relationship found between node" in told


def test_a_node_is_emptied_and_taken_into_use_again(simulated_cluster: Cluster) -> None:
    told = lesson(simulated_cluster, "19-nodes")
    assert "cannot delete DaemonSet-managed Pods" in told and "evicting pod lesson-nodes/patient" in told
    assert "didn't have free ports for the requested pod ports" in told
    assert not simulated_cluster.kubectl.path("{.items[*].spec.taints}", "nodes")
