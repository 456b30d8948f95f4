# SPDX-License-Identifier: Apache-2.0
"""maildest status and forget: tokens, certificates that end, for people and for monitors."""

import datetime
import json
import re
import subprocess

import pytest

from fakes.target import TOKEN
from fakes.token_service import error_reply, token_reply

DAY = 24 * 60 * 60


def certificate(folder, name, seconds):
    """A certificate of its own that ends in so many seconds, in certificates/."""
    # openssl-req counts in days; openssl-x509 takes an end to the second
    key, request = folder / f"{name}.key", folder / f"{name}.csr"
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    begin = end - datetime.timedelta(days=400)
    subprocess.run(
        ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", key, "-out", request, "-subj", f"/CN={name}"],
        check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run(
        ["openssl", "ca", "-batch", "-selfsign", "-config", _ca(folder), "-in", request,
         "-keyfile", key, "-out", folder / f"{name}.pem", "-notext",
         "-startdate", f"{begin:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / f"{name}.pem"


def _ca(folder):
    config = folder / "ca.cnf"
    (folder / "index.txt").touch()
    config.write_text(
        f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/index.txt\nnew_certs_dir={folder}\n"
        f"rand_serial=yes\ndefault_md=sha256\nunique_subject=no\npolicy=p\n"
        "[p]\ncommonName=supplied\n"
    )
    return config


def forget_anchors(command):
    """The rig's own certificates end soon, too."""
    for path in (command.config / "certificates").iterdir():
        path.unlink()


def test_without_a_helper(command):
    said = command.json("status", status=1)
    assert said["status"] == "critical"
    assert "not running" in said["problems"][0]["problem"]


def test_a_token_and_its_life(command, maildest, serve, tokens):
    server = serve("smtp", mechanisms=("XOAUTH2",))
    tokens.reply = token_reply(TOKEN, expires_in=3000)
    maildest.destination("smtp", server, oauth=tokens.url())
    maildest.start_helper()
    command("test", "smtp")
    said = command.json("status", status=None)
    (token,) = said["tokens"]
    assert token["destination"] == "smtp" and token["state"] == "valid"
    assert 2900 < token["expires_in"] <= 3000
    assert said["helper"]["token_requests"] == 1
    assert re.search(r"^smtp +- +- +valid +49 min", command("status", status=None), re.M)
    assert TOKEN not in command("status", status=None)


def test_a_refused_token_has_a_status_of_its_own(command, maildest, serve, tokens):
    tokens.reply = error_reply(401, "invalid_client")
    maildest.destination("smtp", serve("smtp", mechanisms=("XOAUTH2",)), oauth=tokens.url())
    maildest.start_helper()
    command("test", "smtp", status=4)
    said = command.json("status", status=4)
    assert "invalid_client" in said["problems"][0]["problem"]


@pytest.mark.parametrize(
    "left, status, level",
    (
        (31 * DAY, 0, None),
        (29 * DAY, 8, "warning"),
        (6 * DAY, 8, "warning"),
        (DAY // 2, 8, "critical"),
        (-DAY, 3, "critical"),
    ),
    ids=("31 days", "29 days", "6 days", "half a day", "over"),
)
def test_certificates_that_end(command, maildest, tmp_path, left, status, level):
    maildest.start_helper()
    forget_anchors(command)
    made = certificate(tmp_path, "client", left)
    command.target.write("certificates/client.pem", made.read_text())
    said = command.json("status", status=status)
    ending = [row for row in said["certificates"] if row["file"] == "certificates/client.pem"]
    assert bool(ending) == (level is not None)
    if level:
        assert said["status"] == level
        assert ending[0]["subject"] == "CN=client"
        assert abs(ending[0]["left"] - left) < 60


def test_the_certificate_of_a_service_key(command, maildest, tmp_path):
    maildest.start_helper()
    forget_anchors(command)
    (command.config / "instances").mkdir()
    pem = certificate(tmp_path, "instance", 3 * DAY).read_text()
    command.target.write("instances/main.json", json.dumps({"certificate": pem}))
    (row,) = command.json("status", status=8)["certificates"]
    assert row["file"] == "instances/main.json"


def test_openmetrics(command, maildest, tmp_path):
    maildest.start_helper()
    command.basic("smtp")
    command.resource("mail", "smtp")
    command.resource("lost", "nowhere")
    said = command("status", "--openmetrics")
    assert said.endswith("# EOF\n")
    values = dict(line.rsplit(" ", 1) for line in said.splitlines() if not line.startswith("#"))
    assert values['tp_destination_crs{Available="True"}'] == "1"
    assert values['tp_destination_crs{Available="False"}'] == "1"
    assert values["maildest_up"] == "1"
    assert int(values["tp_memory_bytes"]) > 100000
    for name in ("tp_cpu_percent", "tp_open_tcp_connections", "tp_tcp_connections_total"):
        assert name in values


def test_openmetrics_without_a_helper(command):
    assert "maildest_up 0" in command("status", "--openmetrics")


def test_forget(command, maildest, serve, tokens):
    server = serve("smtp", mechanisms=("XOAUTH2",))
    tokens.reply = token_reply(TOKEN)
    maildest.destination("smtp", server, oauth=tokens.url())
    maildest.start_helper()
    command("test", "smtp")
    assert command.json("forget", "smtp")["tokens"] == 1
    assert command.json("status", status=None)["tokens"] == []
    command("forget", "smtp", status=7)
