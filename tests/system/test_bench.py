# SPDX-License-Identifier: Apache-2.0
"""tests/bench: that it measures everything it should, and tells when something fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rig import pki, ports, process
from rig.maildest import BUILD

BENCH = Path(__file__).resolve().parents[1] / "bench"
sys.path.insert(0, str(BENCH))

from runner.load import WAYS, Load, Upstream  # noqa: E402

TOOL = BUILD / "tests" / "bench" / "bench-load"
LATENCY = {"p50_ms", "p99_ms"}
LOADED = LATENCY | {"rate", "mib_per_s"}
IDLE = {"private_kib", "pss_kib"}
AT_ONCE = {"sessions", "failed", "token_requests", "seconds"}
# All others take time or memory. The proportional memory of a few sessions is less than what other
# programs' use of the same libraries makes of it, a few milliseconds may be less than a tick.
MAY_BE_ZERO = {"failed", "token_requests", "pss_kib", "cpu_ms"}
# system -> what -> figures
WANTED = {
    "direct": {
        "imap": LOADED,
        "smtp": LOADED,
        "imap-starttls": LATENCY,
        "smtp-starttls": LATENCY,
        "at once": AT_ONCE,
    },
}
WANTED["forking"] = WANTED["per-connection"] = WANTED["direct"] | {
    "imap": LOADED | {"cpu_ms"},
    "smtp": LOADED | {"cpu_ms"},
    "token": LATENCY,
    "token, new connection": LATENCY,
    "1 idle": IDLE,
    "2 idle": IDLE,
    "10 idle": IDLE,
}
README = """before
<!-- bench: begin, made by tests/bench/run --readme -->
old
<!-- bench: end -->
after
"""

pytestmark = pytest.mark.release


def run(*words, build=BUILD):
    command = [BENCH / "run", *map(str, words)]
    environment = os.environ | {"MAILDEST_BUILD": str(build)}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **options) as child:
        try:
            out, errors = child.communicate(timeout=160)
        except subprocess.TimeoutExpired:
            child.terminate()  # it ends what it has started
            out, errors = child.communicate()
            pytest.fail(f"the benchmark takes too long:\n{out}{errors}")
    return subprocess.CompletedProcess(command, child.returncode, out, errors)


def test_every_figure_of_both_modes(folder):
    result, readme = folder / "result.json", folder / "README.md"
    readme.write_text(README)
    done = run("--scale", 0.01, "--rounds", 1, "--json", result, "--readme", readme)
    assert done.returncode == 0, f"the benchmark fails:\n{done.stdout}{done.stderr}"
    found = json.loads(result.read_text())
    assert not found["failures"], f"not all was measured: {found}"
    figures = {
        system: {what: set(numbers) for what, numbers in whats.items()}
        for system, whats in found["systems"].items()
    }
    assert figures == WANTED, "not every figure is there"
    for system, whats in found["systems"].items():
        assert whats["at once"]["failed"] == 0, f"{system}: connections at once fail"
        for what, numbers in whats.items():
            zero = {name for name, value in numbers.items() if value <= 0}
            assert zero <= MAY_BE_ZERO, f"{system}, {what}: {zero} is nothing"
        if system != "direct":
            requests = whats["at once"]["token_requests"]
            assert requests == 1, f"{system}: {requests} token requests for one token"
    text = readme.read_text()
    assert text.startswith("before\n<!-- bench: begin") and text.endswith("end -->\nafter\n")
    assert "old" not in text and "| IMAP session: p50, p99 |" in text, f"no table:\n{text}"


@pytest.fixture
def broken(folder):
    """A build whose handler ends at once."""
    build = folder / "build"
    for name in ("handler/maildest-handler", "helper/maildest-helper", "tests/bench/bench-load"):
        (build / name).parent.mkdir(parents=True)
        (build / name).symlink_to(BUILD / name)
    handler = build / "handler" / "maildest-handler"
    handler.unlink()
    handler.symlink_to("/bin/false")
    return build


def test_sessions_that_fail(folder, broken):
    result = folder / "result.json"
    done = run("--scale", 0.01, "--rounds", 1, "--json", result, build=broken)
    assert done.returncode == 1, "a benchmark without a single session succeeds"
    found = json.loads(result.read_text())
    assert set(found["systems"]) == {"direct"}, "figures of sessions that there were not"
    for system in ("forking", "per-connection"):
        told = [line for line in found["failures"] if line.startswith(f"{system}: ")]
        assert told and told[0] in done.stderr, f"nothing is told of {system}: {done.stderr}"


def test_two_builds(folder):
    result = folder / "result.json"
    done = run("--compare", BUILD, BUILD, "--scale", 0.02, "--rounds", 2, "--json", result)
    assert done.returncode == 0, f"the comparison fails:\n{done.stdout}{done.stderr}"
    found = json.loads(result.read_text())
    assert set(found["medians"]) == {
        f"{way} {figure}" for way in ("imap", "smtp") for figure in ("p50_ms", "cpu_ms")
    }
    for what, numbers in found["medians"].items():
        assert numbers["ratio"] == pytest.approx(numbers["b"] / numbers["a"]), what
    assert all(len(one["a"]) == len(one["b"]) == 2 for one in found["rounds"]), found["rounds"]
    assert "round 2  smtp" in done.stderr, f"the rounds are not shown:\n{done.stderr}"


def test_a_readme_without_a_place_for_the_table(folder):
    (folder / "README.md").write_text("nothing here\n")
    done = run("--readme", folder / "README.md")
    assert done.returncode == 1 and "bench: begin" in done.stderr, done.stderr


def test_other_systems_beside(folder):
    found = {
        "direct": {"about": "none", "imap": {"p50_ms": 2.0, "rate": 1000.0, "mb_per_s": 800.0},
                   "smtp": {"p50_ms": 4.0, "rate": 500.0, "mb_per_s": None}},
        "proxy": {"about": "does it all", "imap": {"p50_ms": 3.0, "cpu_ms": 0.5}},
        "absent": {"about": "", "missing": "absentd"},
        "bad": {"about": "", "imap": {"error": "no"}},
    }  # fmt: skip
    (folder / "result.json").write_text(json.dumps(found))
    readme = folder / "README.md"
    readme.write_text(README.replace("bench: ", "beside: ").replace(
        "run --readme", "run --beside RESULT.json --readme"))  # fmt: skip
    done = run("--beside", folder / "result.json", "--readme", readme)
    assert done.returncode == 0, done.stderr
    text = readme.read_text()
    for cell in (
        "| 2.00, 4.00 ms |",
        "| 3.00, - ms (1.50x, -) |",
        "| 0.50, - ms |",
        "| does it all |",
        "absentd is not installed",
        "| its sessions failed |",
    ):
        assert cell in text, f"{cell} is not in the table:\n{text}"
    assert "absentd is not installed" in done.stdout, done.stdout


@pytest.mark.parametrize("mode", ("per-connection", "forking"))
def test_a_system_for_another_benchmark(folder, mode):
    upstream = Upstream(TOOL, pki.Authority(folder / "pki"), folder)
    offered = {name: ports.free_port() for name in ("imap", "smtp")}
    system = process.Process(
        [
            BENCH / "start", mode, folder, upstream.authority.certificate,
            upstream.ports["http"],
            f"{upstream.ports['imaps']}:{offered['imap']}",
            f"{upstream.ports['smtps']}:{offered['smtp']}",
        ],
        folder / "start.log",
    )  # fmt: skip
    try:
        system.wait_for(lambda: all(not ports.is_free(port) for port in offered.values()), "ports")
        for name, port in offered.items():
            words = [f"--protocol={WAYS[name].protocol}", f"--port={port}"]
            done = Load(TOOL).sessions(words, 2)
            assert done["failed"] == 0, f"{name}: sessions fail: {system.output()}"
        assert upstream.counters() == {"logins": 4, "messages": 4, "token_requests": 2}
    finally:
        status = system.stop()
        upstream.stop()
    assert status == 0, f"it does not end well: {system.output()}"
    assert all(map(ports.is_free, offered.values())), "something still listens"


def test_the_systems_are_described():
    systems = json.loads((BENCH / "systems.json").read_text())
    words = dict.fromkeys(("dir", "ca", "cert", "key", "smtp", "smtps", "imap", "imaps", "http"), 1)
    for name, system in systems.items():
        command = system["start"].format(**words).split()
        assert os.access(BENCH.parents[1] / command[0], os.X_OK), f"{name}: no {command[0]}"
        for protocol, pair in zip(("imap", "smtp"), command[5:]):
            address = f"127.0.0.1:{pair.split(':')[1]}"
            assert system[protocol]["to"] == address, f"{name}: {protocol} is elsewhere"
