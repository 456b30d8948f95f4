# SPDX-License-Identifier: Apache-2.0
"""The instruments themselves: a search that finds nothing must be able to find something."""

import base64
import json
import subprocess
import sys
import urllib.parse
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

from rig import mail, npm, ports, process, secrets
from rig.maildest import SANITIZER_REPORT, Maildest, parse_record

SECRET = 'Pa"s\\s %w+&= 0d9e5f2c-5f0e-4b53-8d5c-0f6a3c0c1b11'
TALLY = Path(__file__).resolve().parents[1] / "tally"


def xoauth2(user, secret):
    return base64.b64encode(f"user={user}\1auth=Bearer {secret}\1\1".encode()).decode()


@pytest.mark.parametrize(
    "text",
    (
        f"password is {SECRET}",
        f"name={urllib.parse.quote_plus(SECRET)}&x=1",
        json.dumps({"mail.password": SECRET}),
        f"AUTH PLAIN {base64.b64encode(f'{chr(0)}me{chr(0)}{SECRET}'.encode()).decode()}",
        xoauth2("a@example.com", SECRET),
        xoauth2("ab@example.com", SECRET),
        xoauth2("abc@example.com", SECRET),
        SECRET.encode().hex(),
        f"only its end: {SECRET[-30:]}",
    ),
)
def test_a_secret_is_found(text):
    assert secrets.find([SECRET], {"log": f"before\n{text}\nafter"}), "the search is blind"


def test_what_is_no_secret_is_not_found():
    assert not secrets.find([SECRET], {"log": "Connected to mail.example.com as me"})


def test_a_secret_on_a_command_line_is_seen(folder):
    watcher = secrets.ProcessWatcher()
    # As a child of a process that we watch, like a handler of its listener.
    child = process.Process(["sh", "-c", 'sleep 60 & : "$0"; wait', SECRET], folder / "log")
    watcher.watch(child.pid)
    below = child.wait_for(lambda: process.children(child.pid), "no child")
    child.wait_for(lambda: any(f"/{below[0]}/cmdline" in seen for seen in watcher.seen), "unseen")
    watcher.stop()
    child.stop()
    process.end(below[0])
    assert secrets.find([SECRET], watcher.seen), "a secret on a command line is not seen"


def test_a_leak_in_a_log_fails_the_test(folder):
    maildest = Maildest(folder)
    maildest.secrets.append(SECRET)
    (maildest.logs / "x.log").write_text(f"oops: {SECRET}\n")
    maildest.stop()
    with pytest.raises(AssertionError, match="a secret stands in clear"):
        maildest.assert_clean()


def test_a_sanitizers_report_fails_the_test(folder):
    maildest = Maildest(folder)
    (maildest.logs / "x.log").write_text("==1==ERROR: AddressSanitizer: heap-use-after-free\n")
    maildest.stop()
    with pytest.raises(AssertionError, match="a sanitizer reports"):
        maildest.assert_clean()
    assert SANITIZER_REPORT.search("a.c:1:2: runtime error: signed integer overflow")


def test_a_crashed_handler_fails_the_test(folder):
    maildest = Maildest(folder)
    (maildest.logs / "x.log").write_text("Child 17 died with code 11\n")
    maildest.stop()
    with pytest.raises(AssertionError, match="ended with 11"):
        maildest.assert_clean()


def test_records_are_read():
    line = '<5>maildest-handler: Session closed [MAILDEST_DESTINATION=a MAILDEST_TLS="x y"]'
    assert parse_record(line) == {
        "DESTINATION": "a",
        "TLS": "x y",
        "PRIORITY": 5,
        "MESSAGE": "Session closed",
    }
    assert parse_record("Connection from 127.0.0.1:1 to 127.0.0.1:2") is None


def test_dots_are_stuffed():
    assert mail.stuffed(b".a\r\n..\r\nb.\r\n") == b"..a\r\n...\r\nb.\r\n.\r\n"


def test_a_changed_mail_is_noticed():
    with pytest.raises(AssertionError, match="came back changed"):
        mail.assert_same(b"Received: x\r\nA: b\r\n\r\ntext!\r\n", b"A: b\r\n\r\ntext\r\n")
    with pytest.raises(AssertionError, match="more than headers"):
        mail.assert_same(b"A: b\r\n\r\nA: b\r\n\r\ntext\r\n", b"A: b\r\n\r\ntext\r\n")


def test_a_program_that_others_run_is_left_alone(tmp_path):
    """Written anew, it would be empty for a moment: a process that starts then ends at once."""
    program, place = tmp_path / "program.mjs", tmp_path / "place.mjs"
    program.write_text("the first\n")
    npm.put(program, place)
    before = place.stat()
    npm.put(program, place)
    assert place.stat() == before, "what has not changed is written"
    with place.open() as running:
        program.write_text("the second\n")
        npm.put(program, place)
        assert (running.read(), place.read_text()) == ("the first\n", "the second\n")


def test_free_ports_are_claimed_once():
    taken = [ports.free_port() for _ in range(50)]
    assert len(set(taken)) == 50
    assert not ports._claim(taken[0]), "a port can be claimed twice"


@pytest.mark.parametrize(
    "name,text,wanted",
    (
        (
            "unit.json",
            '{"result": "OK", "stdout": "100%: Checks: 12, Failures: 0, Errors: 0\\n"}\n'
            '{"result": "FAIL", "stdout": "50%: Checks: 4, Failures: 1, Errors: 1\\n"}\n'
            '{"result": "OK", "stdout": ""}\n{"result": "TIMEOUT"}\n',
            "15 passed, 3 failed",
        ),
        (
            "system.xml",
            '<testsuites><testsuite tests="9" failures="1" errors="1" skipped="2"/></testsuites>',
            "5 passed, 2 failed",
        ),
        ("build.txt", "1 passed, 0 failed\n", "1 passed, 0 failed"),
        ("absent.xml", None, "0 passed, 1 failed"),
    ),
)
def test_results_are_added_up(folder, name, text, wanted):
    if text is not None:
        (folder / name).write_text(text)
    done = subprocess.run(
        [sys.executable, TALLY, folder / name], capture_output=True, text=True
    )
    assert done.stdout == wanted + "\n", f"{name} is counted as {done.stdout!r}"
    assert (done.returncode == 0) == (" 0 failed" in wanted), "the exit status says otherwise"


def test_combinations_are_put_into_a_table():
    loader = SourceFileLoader("combinations", str(TALLY.with_name("combinations")))
    program = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(program)
    cases = {
        "smtp-Internet-postfix-BasicAuthentication": "",
        "smtp-Internet-dovecot-BasicAuthentication": "<failure/>",
        "imap4-OnPremise-dovecot-auth-false": "",
        "imap4-OnPremise-dovecot-NoAuthentication": "<skipped/>",
    }
    report = '<testcase name="test_check[Internet-NoAuthentication]"/>' + "".join(
        f'<testcase name="test_session_x[{case}]">{end}</testcase>' for case, end in cases.items()
    )
    head, *table = program.rows(program.results(f"<testsuite>{report}</testsuite>"))
    assert len(head) == 8
    assert [row[:2] for row in table] == [["smtp", "Internet"], ["imap4", "OnPremise"]]
    assert table[0][2:4] == ["Dovecot: FAILED, Postfix", "not run"]
    assert table[1][6:] == ["Dovecot: FAILED", "Dovecot"]
