# SPDX-License-Identifier: Apache-2.0
"""What arguments make of a destination: names, fragments, tenants, files of services."""

import json
from pathlib import Path

import pytest

from rig import waiting
from rig.forking import ForkingHandler, tcp, unix


def write_json(maildest, path, keys):
    file = maildest.config / path
    file.parent.mkdir(parents=True, exist_ok=True)
    maildest.write(path, json.dumps(keys))


def replace(file, text):
    """As a careful program does: whoever reads sees the old or the new."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.rename(file)


def refusal(handler, name):
    """What a client hears of a destination whose server is not there."""
    with handler.dial(name) as session:
        return session.line()


def broken(host):
    """A destination with a server of that name, which no name server knows."""
    return {
        "Type": "MAIL", "ProxyType": "Internet", "Authentication": "NoAuthentication",
        "mail.transport.protocol": "smtp", "mail.smtp.host": f"{host}.invalid",
    }  # fmt: skip


def start(maildest, lines, sockets, **options):
    """A forking handler with a file of services: itself, and the file."""
    file = maildest.folder / "group.services"
    file.write_text("".join(line + "\n" for line in lines))
    file.chmod(0o644)
    return ForkingHandler(maildest, sockets, args=[f"--services={file}"], **options), file


def place(one):
    """Where a socket listens, as a file of services has it."""
    address = one.getsockname()
    if isinstance(address, str):
        return address
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


def test_a_service_is_found_by_its_address(maildest):
    for name in ("one", "two"):
        maildest.add_destination(name, broken(name))
    first, second, local = tcp(), tcp("::1"), unix(maildest.folder / "two.sock")
    lines = [
        "# two services",
        f"--service=a --clients=everyone -- one {place(first)}",
        f"--service=b_t1 --tenant=t1 --clients=root -- two {place(second)} {place(local)}",
    ]
    handler, _ = start(maildest, lines, [("x", first), ("y", second), ("z", local)])
    for number, name in enumerate(("x", "y", "z")):
        assert refusal(handler, name).startswith("421 4.4.3"), name
        record = handler.wait_for_end(("one", "two", "two")[number], (1, 1, 2)[number])
        assert record["SERVICE"] == ("a", "b_t1", "b_t1")[number], record


def test_a_changed_file_counts_at_once(maildest):
    for name in ("one", "two"):
        maildest.add_destination(name, broken(name))
    listener = tcp()
    where = place(listener)
    line = f"--service=s --clients=everyone -- one {where}"
    handler, file = start(maildest, [line], [("x", listener)])
    refusal(handler, "x")
    handler.wait_for_end("one")
    replace(file, line.replace("-- one", "-- two") + "\n")
    refusal(handler, "x")
    handler.wait_for_end("two")
    file.unlink()
    refusal(handler, "x")
    handler.wait_for_end("two", 2)
    replace(file, "nonsense\n")
    refusal(handler, "x")
    handler.wait_for_end("two", 3)
    assert any("line 1: '--' must" in text for text in handler.said(3)), handler.log()
    replace(file, line + "\n")
    refusal(handler, "x")
    handler.wait_for_end("one", 2)


def test_an_address_without_a_service(maildest):
    maildest.add_destination("one", broken("one"))
    known, unknown = tcp(), tcp()
    line = f"--service=s --clients=everyone -- one {place(known)}"
    handler, _ = start(maildest, [line], [("x", known), ("y", unknown)])
    assert refusal(handler, "y").startswith("421 4.3.5")
    assert any("no service listens at" in text for text in handler.said(4)), handler.log()
    assert refusal(handler, "x").startswith("421 4.4.3")


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("--service=a -- one", 0o644, "line 1: listens nowhere"),
        ("--service=a -- one 127.0.0.1:1", 0o666, "can write to it"),
    ],
)
def test_a_file_that_cannot_be_used(maildest, text, mode, said):
    file = maildest.folder / "group.services"
    file.write_text(text)
    file.chmod(mode)
    handler = ForkingHandler(
        maildest, [("x", tcp())], args=[f"--services={file}"], ready=False
    )
    handler.status = 1
    assert handler.wait() == 1
    assert any(said in one for one in handler.said(3)), handler.log()


def test_services_and_a_destination_are_one_too_many(maildest):
    shown = maildest.run("maildest-handler", "--services=/x", "smtp")
    assert shown.returncode == 2 and "--services names" in shown.stderr, shown


@pytest.mark.parametrize(
    "option",
    ["--clients=all", "--fragment=../x", "--allow=10.0.0.1/8", "--level=none", "--service=a.b",
     "--chain-var=a=b", "--fragment-optional", "--instance=", "--client-login=yes"],
)  # fmt: skip
def test_an_option_that_is_wrong(maildest, option):
    shown = maildest.run("maildest-handler", option, "--check", "smtp")
    assert shown.returncode == 2 and option.split("=")[0] in shown.stderr, shown


def checked(maildest, *options):
    """The host that a service leads to, as --check says it."""
    shown = maildest.run("maildest-handler", *maildest.options(), *options, "--check", "mail")
    return shown.stdout.strip().splitlines()[-1]


def test_fragments_and_tenants_make_the_destination(maildest):
    maildest.add_destination("mail", broken("all"))
    write_json(maildest, "destinations/t1/mail.json", broken("t1"))
    write_json(maildest, "fragments/F.json", {"mail.smtp.host": "f.invalid"})
    write_json(maildest, "fragments/Bad.json", {"Name": "x"})
    assert "'all.invalid'" in checked(maildest)
    assert "'t1.invalid'" in checked(maildest, "--tenant=t1")
    assert "'all.invalid'" in checked(maildest, "--tenant=t2")
    assert "'f.invalid'" in checked(maildest, "--fragment=F")
    assert "'f.invalid'" in checked(maildest, "--tenant=t1", "--fragment=F")
    assert "'all.invalid'" in checked(maildest, "--fragment=None", "--fragment-optional")
    assert "fragments/None.json: there is no such file" in checked(maildest, "--fragment=None")
    assert "fragments/Bad.json: key 'Name' may not" in checked(maildest, "--fragment=Bad")


def test_an_instance_needs_the_helper(maildest):
    """No local file stands in for a destination that lies elsewhere."""
    maildest.add_destination("mail", broken("local"))
    assert "the helper is not running" in checked(maildest, "--instance=main")
    maildest.write("maildest.conf", "DefaultInstance=main\n")
    assert "the helper is not running" in checked(maildest)


def test_sessions_show_their_service_and_phase(scene):
    """What ps shows in place of the arguments, for `maildest sessions` and for people."""
    scene.maildest.add_destination("titled", scene.keys("imap4", "BasicAuthentication"))
    handler = ForkingHandler(
        scene.maildest, [("x", tcp())], destination="titled", args=["--service=mail_t1"]
    )
    with handler.dial("x") as session:
        assert session.line().startswith("* OK")
        pid = handler.session_of()

        def title():
            return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()

        talking = "maildest: mail_t1 talking to the client"
        waiting.until(lambda: title() == talking, f"it is {title()}")
        session.send("a1 SELECT INBOX")
        waiting.until(lambda: title() == "maildest: mail_t1 relaying", f"it is {title()}")
        assert b"maildest-handler" in Path(f"/proc/{handler.pid}/cmdline").read_bytes()
        session.send("a2 LOGOUT")
        session.rest()
