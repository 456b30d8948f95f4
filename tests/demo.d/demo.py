# SPDX-License-Identifier: Apache-2.0
"""What tests/demo shows once maildest is built; see there."""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from rig import destinations, ports, waiting  # noqa: E402
from rig.dialogue import Dialogue  # noqa: E402
from rig.maildest import Maildest  # noqa: E402
from rig.servers import world  # noqa: E402

PORTS = {
    "smtp": 587, "smtps": 465, "imap4": 143, "imap4s": 993, "imap": 143, "imaps": 993,
    "pop3": 110, "pop3s": 995,
}  # fmt: skip
BOLD, PLAIN = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("", "")
WIDTH = 110


class Refused(Exception):
    """A reply that ends the demonstration."""


def say(text):
    print(f"{BOLD}==> {text}{PLAIN}", flush=True)


def show(side, line):
    print(f"    {side}: {line[:WIDTH]}{'...' if len(line) > WIDTH else ''}", flush=True)


def listen(maildest, name, protocol):
    """Opens the protocol's own port, or another where that one is taken."""
    port = PORTS[protocol]
    if not ports.is_free(port, everywhere=True):
        taken, port = port, ports.free_port()
        print(f"    Port {taken} is taken on this host: {port} instead.")
    maildest.listen(name, port)
    print(f"    127.0.0.1:{port} now is the destination {name} ({protocol}).")
    return port


def smtp_step(session, line, wanted):
    reply = session.smtp(line)
    if not reply[-1].startswith(wanted):
        raise Refused(reply[-1])
    return reply


def send_mail(port, sender, recipient, text):
    """SAP's example, as a person types it: no login, no angle brackets."""
    with Dialogue(port, show, timeout=60) as session:
        smtp_step(session, None, "220")
        smtp_step(session, f"MAIL FROM:{sender}", "250")
        smtp_step(session, f"RCPT TO:{recipient}", "250")
        smtp_step(session, "DATA", "354")
        for line in text:
            session.send(line)
        smtp_step(session, ".", "250")
        smtp_step(session, "QUIT", "221")


def greet_smtp(port):
    with Dialogue(port, show, timeout=60) as session:
        smtp_step(session, None, "220")
        smtp_step(session, "EHLO demo.example.com", "250")
        smtp_step(session, "QUIT", "221")


def imap_step(session, line):
    answer = session.imap(line)
    if answer[-1].split()[1] != "OK":
        raise Refused(answer[-1])
    return answer


def imap_greeting(session):
    greeting = session.line()
    if not (greeting or "").startswith(("* OK", "* PREAUTH")):
        raise Refused(greeting or "no greeting")


def read_mail(port):
    """SAP's example again: no login; the text of the first mail."""
    with Dialogue(port, show, timeout=60) as session:
        imap_greeting(session)
        imap_step(session, '2 LIST "" "*"')
        imap_step(session, "3 SELECT INBOX")
        answer = imap_step(session, "5 FETCH 1 BODY[TEXT]")
        imap_step(session, "6 LOGOUT")
    return answer


def list_folders(port):
    with Dialogue(port, show, timeout=60) as session:
        imap_greeting(session)
        imap_step(session, '1 LIST "" "*"')
        imap_step(session, "2 LOGOUT")


def list_mails(port):
    with Dialogue(port, show, timeout=60) as session:
        for command in (None, "list", "quit"):
            reply = session.pop3_lines(command) if command == "list" else [session.pop3(command)]
            if not reply[0].startswith("+OK"):
                raise Refused(reply[0])


def show_records(maildest, names):
    say("What the journal of a systemd host would hold: one record a session")
    for name in names:
        for record in maildest.all_records(name):
            print(f"    {record}")


def show_destination(keys):
    hidden = {
        key: "***" if key in ("clientSecret", "mail.password") else value
        for key, value in keys.items()
    }
    print("\n".join("    " + line for line in json.dumps(hidden, indent=2).splitlines()))


# --- with a mail server of our own


def wait_for_mail(here, user):
    log = f"lmtp({user})"
    waiting.until(lambda: log in here.dovecot.log() and "saved mail" in here.dovecot.log(),
                  "the mail server does not deliver the mail")  # fmt: skip


def embedded(maildest_folder):
    say("Starting a mail server (Dovecot, Postfix) and a token service (oidc-provider)")
    with world() as here, contextlib.ExitStack() as stack:
        maildest = Maildest(maildest_folder, here.authority)
        stack.callback(maildest.stop)
        user = "demo@example.com"
        client = here.tokens.add_client(user)
        keys = {
            name: destinations.oauth(
                protocol, server.ports[port], user, client, host=server.host
            )
            for name, protocol, server, port in (
                ("smtp", "smtp", here.postfix, "submission"),
                ("imap", "imap4", here.dovecot, "imap"),
            )
        }
        print("    Both want STARTTLS and a token of the token service; a plain login is refused.")
        say("The destination for sending, destinations/smtp.json; imap.json looks alike")
        show_destination({"Name": "smtp"} | keys["smtp"])
        say("Starting maildest-helper, and a socket for each destination")
        for name, one in keys.items():
            maildest.add_destination(name, one)
        maildest.start_helper()
        smtp = listen(maildest, "smtp", "smtp")
        imap = listen(maildest, "imap", "imap4")

        text = ("Subject: Hello", "", "This mail needed no login and no TLS to be sent.")
        say(f"Sending a mail by plain SMTP: telnet 127.0.0.1 {smtp}")
        send_mail(smtp, user, user, text)
        wait_for_mail(here, user)
        say(f"Reading it by plain IMAP: telnet 127.0.0.1 {imap}")
        answer = read_mail(imap)
        for name in keys:
            maildest.wait_for_record(name)
        show_records(maildest, keys)
        if text[-1] not in answer:
            raise Refused("the mail that was read is not the one that was sent")
        explain(client.requests)


def explain(requests):
    say("What just happened")
    print(
        "    A program spoke plain SMTP and IMAP to 127.0.0.1, without TLS, password or token.\n"
        "    For each connection maildest-handler read the destination, got an access token from\n"
        "    maildest-helper, connected with STARTTLS, checked the server's certificate, logged\n"
        f"    in with XOAUTH2, and passed the bytes on. Token requests: {requests}.\n"
        "    The mail was sent through one mail server and read back from the other."
    )


# --- with the user's own


def load(path):
    """A destination's name, keys and text, from the file of a user."""
    try:
        text = path.read_text()
        keys = json.loads(text)
        keys = keys.get("destinationConfiguration", keys)
        name = str(keys.get("Name", path.stem))
    except (AttributeError, ValueError) as reason:
        raise SystemExit(f"{path}: is no destination: {reason}") from None
    if not re.fullmatch("[A-Za-z0-9_-]{1,200}", name):
        raise SystemExit(f"{path}: Name must be 1 to 200 letters, digits, '_' and '-'")
    protocol = keys.get("mail.transport.protocol")
    if protocol not in PORTS:
        raise SystemExit(f"{path}: mail.transport.protocol is {protocol!r}, which is not shown here")
    return name, protocol, keys, text


def copy_certificate(maildest, path, keys):
    name = keys.get("TrustStoreLocation")
    if not name:
        return
    for folder in (path.parent, path.parent / "certificates", path.parent.parent / "certificates"):
        if (folder / name).is_file():
            shutil.copy(folder / name, maildest.config / "certificates" / Path(name).name)
            return
    raise SystemExit(f"{path}: TrustStoreLocation names {name}, which is not beside it")


def given(maildest_folder, paths, recipient):
    with contextlib.ExitStack() as stack:
        maildest = Maildest(maildest_folder)
        stack.callback(maildest.stop)
        say("Starting maildest-helper, and a socket for each destination")
        served = []
        for path in paths:
            name, protocol, keys, text = load(path)
            maildest.write(f"destinations/{name}.json", text)
            copy_certificate(maildest, path, keys)
            served.append((name, protocol, keys))
        maildest.start_helper()
        refusals = 0
        for name, protocol, keys in served:
            port = listen(maildest, name, protocol)
            try:
                try_one(port, protocol, keys, recipient)
            except (Refused, AssertionError) as reason:
                say(f"Not this time: {reason}")
                refusals += 1
            maildest.wait_for_record(name)
        show_records(maildest, [name for name, _, _ in served])
        if refusals:
            raise Refused(f"{refusals} of {len(served)} destinations cannot be used yet")


def try_one(port, protocol, keys, recipient):
    say(f"Talking to it: telnet 127.0.0.1 {port}")
    if protocol.startswith("imap"):
        list_folders(port)
    elif protocol.startswith("pop3"):
        list_mails(port)
    elif recipient:
        sender = keys.get(f"mail.{protocol}.from") or keys["mail.user"]
        text = (f"From: {sender}", f"To: {recipient}", "Subject: maildest's demo", "", "It works.")
        send_mail(port, sender, recipient, text)
    else:
        greet_smtp(port)


def arguments():
    parser = argparse.ArgumentParser(prog="tests/demo")
    parser.add_argument("destination", nargs="*", type=Path, help="a destination's JSON file")
    parser.add_argument("--to", metavar="ADDRESS", help="send a short mail to this address")
    chosen = parser.parse_args()
    for path in chosen.destination:
        if not path.is_file():
            parser.error(f"{path} is no file")
    if chosen.to and not chosen.destination:
        parser.error("--to needs a destination")
    return chosen


def main():
    chosen = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="maildest-demo-"))
    try:
        if chosen.destination:
            given(folder, chosen.destination, chosen.to)
        else:
            embedded(folder)
    except (Refused, TimeoutError, RuntimeError) as reason:
        logs = "".join(path.read_text() for path in folder.glob("logs/*.log"))
        print(f"{BOLD}==> It did not work: {reason}{PLAIN}\n{logs}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever reads this has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say(f"Done in {time.monotonic() - started:.0f} s; everything that was started has ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
