# SPDX-License-Identifier: Apache-2.0
"""The programs as such: their options, what they load, and --check."""

import re
import subprocess

import pytest

PROGRAMS = ("maildest-handler", "maildest-helper")


@pytest.mark.release
def test_the_handler_loads_no_more_than_it_needs(maildest):
    program = maildest.build / "handler" / "maildest-handler"
    output = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    libraries = {line.split()[0].split("/")[-1] for line in output.splitlines()}
    known = {re.sub(r"(-x86-64|-aarch64)?\.so.*", "", name) for name in libraries}
    loader = {name for name in known if name.startswith(("ld-linux", "linux-vdso", "ld64"))}
    assert known - loader == {"libssl", "libcrypto", "libc"}, f"the handler loads {libraries}"


@pytest.mark.release
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_build_is_hardened(maildest, program):
    path = maildest.build / program.removeprefix("maildest-") / program
    output = subprocess.run(["readelf", "-hldW", path], capture_output=True, text=True).stdout
    assert "DYN" in output, f"{program} is no position-independent program"
    assert "GNU_RELRO" in output and "NOW" in output, f"{program} lacks full RELRO"
    assert re.search(r"GNU_STACK.*RW ", output), f"{program} has an executable stack"


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_and_version(maildest, program):
    shown = maildest.run(program, "--help")
    assert shown.returncode == 0 and "--config-dir" in shown.stdout, shown
    shown = maildest.run(program, "--version")
    assert shown.returncode == 0 and re.search(r"\d+\.\d+", shown.stdout), shown


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_unknown_option(maildest, program):
    shown = maildest.run(program, "--no-such-option")
    assert shown.returncode != 0 and "no-such-option" in shown.stderr, shown


NO_TENANTS = {
    "empty": "",
    "two-labels": "a.b",
    "hyphen-first": "-a",
    "hyphen-last": "a-",
    "underscore": "a_b",
    "64-letters": "x" * 64,
    "path": "../a",
}


@pytest.mark.parametrize("tenant", NO_TENANTS.values(), ids=NO_TENANTS)
def test_a_tenant_that_is_no_dns_label(maildest, tenant):
    shown = maildest.run("maildest-handler", f"--tenant={tenant}", "--check", "smtp")
    assert shown.returncode != 0 and "reading the configuration" not in shown.stdout, shown


@pytest.mark.parametrize("tenant", ("a", "0-a", "x" * 63))
def test_a_tenant_that_is_a_dns_label(maildest, tenant):
    shown = maildest.run("maildest-handler", f"--tenant={tenant}", "--check", "no-such")
    assert "reading the configuration" in shown.stdout, shown


def test_check_leaves_a_login_with_a_grant_to_clients(scene):
    scene.serve("imap4s", "OAuth2RefreshToken")
    shown = scene.maildest.check("imap4s")
    assert shown.returncode == 0, f"--check fails:\n{shown.stdout}{shown.stderr}"
    assert "each client's own grant" in shown.stdout, f"--check logs in:\n{shown.stdout}"


@pytest.mark.parametrize("protocol", ("smtp", "imap4s", "pop3"))
def test_check_leaves_a_login_that_passes_through_to_clients(scene, protocol):
    scene.serve(protocol, "NoAuthentication")
    shown = scene.maildest.check(protocol)
    assert shown.returncode == 0, f"--check fails:\n{shown.stdout}{shown.stderr}"
    assert "log in there themselves" in shown.stdout, f"--check logs in:\n{shown.stdout}"


@pytest.mark.parametrize("protocol", ("smtp", "imap4s", "pop3"))
def test_check_walks_the_whole_path(scene, protocol):
    scene.serve(protocol)
    shown = scene.maildest.check(protocol)
    assert shown.returncode == 0, f"--check fails:\n{shown.stdout}{shown.stderr}"
    assert "XOAUTH2" in shown.stdout, f"--check does not show the login:\n{shown.stdout}"
    assert re.search(r"\d\s*ms", shown.stdout), f"--check shows no times:\n{shown.stdout}"


def test_check_says_which_step_fails(scene):
    scene.serve("smtp", "BasicAuthentication", **{"mail.password": "wrong-password-0815"})
    shown = scene.maildest.check("smtp")
    assert shown.returncode != 0, f"--check finds a wrong password good:\n{shown.stdout}"
    assert "535" in shown.stdout + shown.stderr, f"--check keeps the server's words:\n{shown}"


def test_check_of_a_bad_file(scene):
    scene.maildest.write("destinations/bad.json", "{")
    scene.maildest.start_helper()
    shown = scene.maildest.check("bad")
    assert shown.returncode != 0 and "bad.json" in shown.stdout + shown.stderr, shown
