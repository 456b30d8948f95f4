# SPDX-License-Identifier: Apache-2.0
"""maildest apply and status after an administrator's mistakes, and after these are mended."""

import contextlib

from rig import waiting
from sessions import Session
from test_cli import ServiceSession, command  # noqa: F401 (a fixture)


def test_a_port_of_the_installed_sockets_is_told_of(machine, command):  # noqa: F811
    command.resource("mail")
    machine.drop_in("maildest-smtp.socket", "[Socket]\nListenStream=\nListenStream=0.0.0.0:587\n")
    machine.systemctl("start", "maildest-smtp.socket")
    said = command.json("apply", status=3)
    assert said["conflicts"].startswith("mail ") and "maildest-smtp.socket" in said["conflicts"]
    machine.systemctl("stop", "maildest-smtp.socket")
    assert command.steps() == [("start", "maildest-svc-mail.socket")]


def begin_to_listen(machine, port):
    """Another program, which has the port at every address."""
    program = (
        f"import socket; s = socket.create_server(('', {port})); print(1, flush=True); input()"
    )
    other = machine.start("python3", "-c", program)
    assert other.stdout.readline() == "1\n"
    return other


def assert_that_it_is_told(command, unit):  # noqa: F811
    """By list and by check, with a status for it: who has the port, and what to do."""
    row = command.row("smtp", status=3)
    assert row["state"] == "failed" and row["message"].startswith(f"{unit}: python3 (pid "), row
    remedy = f"listens on 0.0.0.0:587; when that is mended: systemctl restart {unit}"
    assert remedy in row["message"]
    (port,) = [row for row in command.json("check", status=3)["results"] if row["kind"] == "port"]
    assert (port["name"], port["result"]) == ("smtp", "error")
    assert port["reason"].startswith("python3 (pid "), port


def test_who_has_the_port_of_an_installed_socket_is_told(machine, command):  # noqa: F811
    units = ("maildest-smtp.socket", "maildest-smtp-forking.socket")
    with begin_to_listen(machine, 587) as other:
        for unit in units:
            machine.systemctl("start", unit, status=1)
            assert_that_it_is_told(command, unit)
            assert f"{unit} has failed: maildest list" in command("status", status=1)
            machine.systemctl("reset-failed", unit)
        machine.systemctl("start", units[0], status=1)
        other.communicate("\n")
    row = command.row("smtp", status=3)
    assert f"resources; systemctl restart {units[0]}" in row["message"], row
    machine.systemctl("restart", units[0])
    assert command.row("smtp")["message"] == units[0]
    assert command("check", "smtp").count("port ") == 0


def test_a_mail_server_that_boots_with_the_port_is_told(machine, command):  # noqa: F811
    """The installed port is open now, and may be the other's after the next boot."""
    text = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
    path = "/etc/systemd/system/dovecot.service"
    machine.run("install", "-m", "0644", "/dev/stdin", path, text=text)
    machine.systemctl("enable", "dovecot.service")
    machine.systemctl("start", "maildest-imap.socket")
    said = command("check", status=3)
    assert "dovecot.service listens on 0.0.0.0:143, now or after the next boot" in said
    assert command.row("imap")["state"] == "listening"


def test_who_has_the_port_of_a_service_is_listed(machine, command):  # noqa: F811
    command.resource("mail", 2525)
    with begin_to_listen(machine, 2525) as other:
        command("apply", status=3)
        assert "python3 (pid " in command.row("mail", status=3)["message"]
        other.communicate("\n")
    command("apply")
    assert "message" not in command.row("mail")


def test_what_the_service_may_not_read_is_told(machine, command):  # noqa: F811
    """Root, who checks, may read all of it; the handlers would answer 421 to everybody."""
    machine.write("maildest.conf", "ClientLogin=any\n")
    machine.write("secrets/smtp.json", "{}", group="maildest-helper")
    for path, kind, remedy in (
        ("maildest.conf", "settings", "chgrp maildest it and chmod 0640 it"),
        ("destinations/smtp.json", "destination", "chgrp maildest it and chmod 0640 it"),
        ("destinations", "destination", "chgrp maildest it and chmod 0750 it"),
        ("certificates/test-ca.pem", "destination", "chgrp maildest it and chmod 0640 it"),
        ("secrets", "destination", "chgrp maildest-helper it and chmod 0750 it"),
        (".", "settings", "chgrp maildest it and chmod 0750 it"),
    ):
        file = f"/etc/maildest/{path}"
        owner = machine.run("stat", "-c", "%U:%G", file).strip()
        machine.run("chown", "root:root", file)
        rows = [row for row in command.json("check", status=None)["results"] if row["kind"] == kind]
        assert [row for row in rows if remedy in row.get("reason", "")], (path, rows)
        machine.run("chown", owner, file)
    assert "chgrp" not in command("check", status=None)


def test_sessions_that_fail_are_a_problem_until_one_does_not(machine, command, mail):  # noqa: F811
    """Nothing else is wrong: files, ports and tokens are as they shall be."""
    machine.systemctl("start", "maildest-smtp.socket")
    file, port = "/etc/maildest/destinations/smtp.json", mail["smtp"].port

    def problems(status=None):
        rows = command.json("status", status=status)["problems"]
        return [row for row in rows if row["problem"].startswith("service smtp: ")]

    def fail():
        machine.run("sed", "-i", f's/"{port}"/"1"/', file)
        session = Session(machine, "smtp")
        assert session.dialogue.line().startswith("421 4.4.1 ")
        session.dialogue.close()
        machine.run("sed", "-i", f's/"1"/"{port}"/', file)
        waiting.until(problems, "a session that failed is no problem")

    fail()
    (row,) = problems(status=5)
    assert row["level"] == "critical", row
    assert "none was well within the last hour; the last: session " in row["problem"], row
    assert "127.0.0.1:1: Connection refused" in row["problem"], row
    assert "maildest_failing_services 1" in command("status", "--openmetrics")
    Session(machine, "smtp").whole()
    waiting.until(lambda: not problems(), "a session that is well changes nothing")
    assert "maildest_failing_services 0" in command("status", "--openmetrics")
    fail()
    assert [row["level"] for row in problems()] == ["warning"]


def test_root_has_no_more_rights_in_a_test_than_a_handler(machine, command):  # noqa: F811
    """Neither as the user nor by its groups: what no session could read is a failure."""
    file = "/etc/maildest/destinations/smtp.json"
    words = ("sh", "-c", "exec setpriv --groups=0,1 maildest test smtp 2>&1")
    assert "destinations/smtp.json" not in machine.run(*words)
    for group in ("root", "daemon"):
        machine.run("chown", f"root:{group}", file)
        said = machine.run(*words, status=None)
        assert f"{file}: may not be" in said, (group, said)


def test_mended_mistakes_leave_nothing_behind(machine, command):  # noqa: F811
    for name in ("mail", "other"):
        command.resource(name)
    unit = "maildest-svc-other.socket"
    machine.drop_in(unit, "[Socket]\nExecStartPre=/bin/false\n")
    assert command.json("apply", status=1)["failed"] == unit
    assert f"{unit} has failed" in command("status", status=3)
    machine.run("rm", "-r", f"/etc/systemd/system/{unit}.d", "/etc/maildest/services/other.yaml")
    command("apply")
    assert f"{unit} has failed" not in command("status", status=None)

    machine.run("rm", "/run/maildest/services/mail.sock")
    assert command.row("mail", status=3)["state"] == "deaf"
    assert "service mail does not listen" in command("status", status=3)
    assert command.steps() == [("restart", "maildest-svc-mail.socket")]
    ServiceSession(machine, command.row("mail")).whole()

    machine.write("maildest.conf", "Activation=forkin\n")
    said = command.json("apply", status=3)
    assert "forking or grouped" in said["warning"] and said["steps"] == []
    machine.run("rm", "-r", "/etc/maildest/.state", "/etc/maildest/maildest.conf")
    machine.systemctl("start", "maildest-sync.service")
    assert command.row("mail")["state"] == "listening"


def test_a_flood_is_told_of_and_then_forgotten(machine, command):  # noqa: F811
    """systemd counts what it closed since the socket was opened: that alone would warn for ever."""
    command.resource("mail")
    machine.drop_in("maildest-svc-mail.socket", "[Socket]\nMaxConnections=1\n")
    command("apply")
    row = command.row("mail")
    session = ServiceSession(machine, row).greet()
    with contextlib.suppress(OSError):
        ServiceSession(machine, row).dialogue.line()
    machine.wait_for_journal(1, "UNIT=maildest-svc-mail.socket", "-p", "warning")
    said = command("status", status=8)
    assert "too many at once (MaxConnections=; 1 since it was opened)" in said

    def is_forgotten():
        machine.run("journalctl", "--rotate", "--vacuum-time=1s")  # what is younger stays
        return "too many at once" not in command("status", status=None)

    waiting.until(is_forgotten, "it warns for ever")
    session.work()
    session.leave()
