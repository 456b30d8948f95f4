# SPDX-License-Identifier: Apache-2.0
"""Configuration that is wrong: the client is told to come again, the journal what to mend."""

import json
import os
import socket
import subprocess

import pytest

from fakes.fixtures import certificates, maildest  # noqa: F401
from fakes.target import NOBODY, PASSWORD, USER
from rig import waiting

PROTOCOLS = ("smtp", "imap4", "pop3")
FOREIGN_GROUP = 54321
SECRET = {"mail.password": PASSWORD}


def good(protocol, **more):
    """A destination without a fault; nothing listens at its port."""
    keys = {
        "Type": "MAIL", "ProxyType": "Internet", "Authentication": "BasicAuthentication",
        "mail.user": USER, "mail.transport.protocol": protocol,
        f"mail.{protocol}.host": "127.0.0.1", f"mail.{protocol}.port": "1", **SECRET,
    }  # fmt: skip
    return {k: v for k, v in (keys | more).items() if v is not None}


def write(maildest, protocol, text):
    """The name tells the protocol to a handler that cannot read the file."""
    name = f"bad-{protocol}"
    path = maildest.write(f"destinations/{name}.json", "")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return name, path


def assert_refused(maildest, protocol, name, *words, **options):
    session = maildest.connect(name, **options)
    return maildest.assert_refused(session, protocol, "configuration", *words)


# --- single keys; {p} is the protocol

KEYS = {
    "other-type": ({"Type": "HTTP"}, ("'Type'", "MAIL")),
    "no-type": ({"Type": None}, ("'Type'",)),
    "placeholder-user": ({"mail.user": "<user>"}, ("'mail.user'", "<placeholder>")),
    "placeholder-host": ({"mail.{p}.host": "mail.<domain>"}, ("'mail.{p}.host'", "<placeholder>")),
    "placeholder-port": ({"mail.{p}.port": "<port>"}, ("'mail.{p}.port'", "<placeholder>")),
    "placeholder-password": ({"mail.password": "<pass>"}, ("'mail.password'", "<placeholder>")),
    "placeholder-type": ({"Type": "<type>"}, ("'Type'", "<placeholder>")),
    "no-host": ({"mail.{p}.host": None}, ("'mail.{p}.host'", "missing")),
    "empty-host": ({"mail.{p}.host": ""}, ("'mail.{p}.host'",)),
    "host-with-port": ({"mail.{p}.host": "mail.invalid:587"}, ("'mail.{p}.host'", "port")),
    "host-is-url": ({"mail.{p}.host": "smtp://mail.invalid"}, ("'mail.{p}.host'",)),
    "host-with-blank": ({"mail.{p}.host": "mail invalid"}, ("'mail.{p}.host'",)),
    "host-too-long": ({"mail.{p}.host": "a." * 127}, ("'mail.{p}.host'",)),
    "port-0": ({"mail.{p}.port": "0"}, ("'mail.{p}.port'", "65535")),
    "port-70000": ({"mail.{p}.port": 70000}, ("'mail.{p}.port'", "65535")),
    "port-abc": ({"mail.{p}.port": "abc"}, ("'mail.{p}.port'", "65535")),
    "port-minus": ({"mail.{p}.port": -1}, ("'mail.{p}.port'", "65535")),
    "port-fraction": ({"mail.{p}.port": 587.5}, ("'mail.{p}.port'", "65535")),
    "port-huge": ({"mail.{p}.port": "9" * 40}, ("'mail.{p}.port'", "65535")),
    "port-empty": ({"mail.{p}.port": ""}, ("'mail.{p}.port'",)),
    "port-true": ({"mail.{p}.port": True}, ("'mail.{p}.port'",)),
    "unknown-protocol": ({"mail.transport.protocol": "gopher"}, ("'mail.transport.protocol'",)),
    "unknown-proxy-type": ({"ProxyType": "Carrier"}, ("'ProxyType'", "Internet")),
    "unknown-authentication": ({"Authentication": "Magic"}, ("'Authentication'",)),
    "no-user": ({"mail.user": None}, ("'mail.user'", "missing")),
    "empty-user": ({"mail.user": ""}, ("'mail.user'", "empty")),
    "user-with-line-break": ({"mail.user": "a\r\nb"}, ("'mail.user'", "control")),
    "no-password": ({"mail.password": None}, ("'mail.password'", "missing")),
    "password-with-line-break": (
        {"mail.password": f"{PASSWORD}\r\nRSET"},
        ("'mail.password'", "control"),
    ),
    "user-is-list": ({"mail.user": ["a"]}, ("'mail.user'", "string")),
    "host-is-object": ({"mail.{p}.host": {"a": 1}}, ("'mail.{p}.host'", "string")),
    "password-is-object": ({"mail.password": {"a": PASSWORD}}, ("'mail.password'", "string")),
    "auth-maybe": ({"mail.{p}.auth": "maybe"}, ("'mail.{p}.auth'", "true or false")),
    "timeout-soon": ({"mail.{p}.timeout": "soon"}, ("'mail.{p}.timeout'", "number")),
    "timeout-0": ({"mail.{p}.timeout": 0}, ("'mail.{p}.timeout'", "number")),
    "localhost-words": ({"mail.{p}.localhost": "a b"}, ("'mail.{p}.localhost'",)),
    "trust-all-maybe": ({"TrustAll": "maybe"}, ("'TrustAll'", "true or false")),
    "verifier": ({"HostnameVerifier": "Lax"}, ("'HostnameVerifier'", "Strict")),
    "store-outside": ({"TrustStoreLocation": "../ca.pem"}, ("'TrustStoreLocation'",)),
    "store-hidden": ({"TrustStoreLocation": ".ca.pem"}, ("'TrustStoreLocation'",)),
    "half-unencrypted": ({"mail.{p}.starttls.enable": "false"}, ("starttls",)),
}  # fmt: skip


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("label", KEYS)
def test_a_bad_key(maildest, label, protocol):
    change, words = KEYS[label]
    change = {key.format(p=protocol): value for key, value in change.items()}
    name, path = write(maildest, protocol, json.dumps(good(protocol, **change)))
    words = [word.format(p=protocol) for word in words]
    assert_refused(maildest, protocol, name, *words, str(path))


@pytest.mark.parametrize("protocol", ("imap4", "pop3", "pop3s"))
@pytest.mark.parametrize("key", ("mail.{p}.host", "mail.{p}.port"))
def test_the_file_tells_the_protocol_that_the_name_does_not(maildest, key, protocol):
    keys = good(protocol, **{key.format(p=protocol): "<x>"})
    maildest.write("destinations/mailbox.json", json.dumps(keys))
    assert_refused(maildest, protocol, "mailbox", "<placeholder>")


# --- the text as a whole


def text_of(protocol, **more):
    return json.dumps(good(protocol, **more))


TEXTS = {
    "empty": (lambda p: "", ()),
    "blank": (lambda p: "\n \n", ()),
    "not-json": (lambda p: f"mail.password={PASSWORD}\n", ()),
    "truncated": (lambda p: text_of(p)[:-2], ()),
    "truncated-in-secret": (lambda p: text_of(p).partition(PASSWORD[-4:])[0], ()),
    "two-roots": (lambda p: text_of(p) * 2, ()),
    "list": (lambda p: f"[{text_of(p)}]", ()),
    "string": (lambda p: json.dumps(PASSWORD), ()),
    "trailing-comma": (lambda p: text_of(p)[:-1] + ",}", ()),
    "single-quotes": (lambda p: str(good(p)), ()),
    "comment": (lambda p: text_of(p) + "// and more", ()),
    "twice": (lambda p: text_of(p)[:-1] + ', "mail.user": "x"}', ("mail.user",)),
    "password-twice": (
        lambda p: text_of(p)[:-1] + f', "mail.password": "{PASSWORD}"}}',
        ("mail.password",),
    ),
    "nul": (lambda p: text_of(p).replace(USER, "a\0b"), ()),
    "escaped-nul": (lambda p: text_of(p).replace(USER, "a\\u0000b"), ()),
    "not-utf-8": (lambda p: text_of(p).encode().replace(b"someone", b"s\xff\xfe"), ()),
    "lone-surrogate": (lambda p: text_of(p).replace(USER, "\\ud800"), ()),
    "too-large": (lambda p: text_of(p) + " " * 65536, ("larger than",)),
    "endlessly-deep": (lambda p: "[" * 60000, ()),
    "placeholder-unquoted": (
        lambda p: text_of(p).replace('"1"', "<port>"),
        ("placeholder",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("label", TEXTS)
def test_a_bad_text(maildest, label, protocol):
    text, words = TEXTS[label]
    name, path = write(maildest, protocol, text(protocol))
    assert_refused(maildest, protocol, name, str(path), *words)


def test_a_text_of_the_greatest_size_is_read(maildest):
    text = text_of("smtp")
    name, _ = write(maildest, "smtp", text + " " * (65536 - len(text)))
    session = maildest.connect(name)
    maildest.assert_refused(session, "smtp", "connect")


# --- the file as such


def _remove(path):
    path.unlink()


def _replace_by_folder(path):
    path.unlink()
    path.mkdir()


def _replace_by_fifo(path):
    path.unlink()
    os.mkfifo(path, 0o640)


def _replace_by_socket(path):
    path.unlink()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _link_to(target):
    def change(path):
        path.unlink()
        path.symlink_to(target)

    return change


def _move_and_link(folder, relative=False):
    """The file moves to a folder beside `destinations`, and a link stays."""

    def change(path):
        elsewhere = path.parents[1] / folder
        elsewhere.mkdir(exist_ok=True)
        moved = path.rename(elsewhere / "moved.json")
        path.symlink_to(f"../{folder}/moved.json" if relative else moved)

    return change


def _mode(mode, uid=0, gid=0):
    def change(path):
        os.chown(path, uid, gid)
        path.chmod(mode)

    return change


FILES = {
    "missing": (_remove, "no such file"),
    "folder": (_replace_by_folder, "no regular file"),
    "fifo": (_replace_by_fifo, "no regular file"),
    "socket": (_replace_by_socket, ""),
    "device": (_link_to("/dev/zero"), "symbolic link"),
    "link-out": (_move_and_link("outside"), "symbolic link"),
    "link-out-relative": (_move_and_link("outside", relative=True), "symbolic link"),
    "link-nowhere": (_link_to("nothing.json"), "no such file"),
    "link-to-itself": (_link_to("bad-smtp.json"), "symbolic link"),
    "others-may-read": (_mode(0o644), "other users"),
    "others-may-write": (_mode(0o642), "other users"),
    "foreign-owner": (_mode(0o640, uid=NOBODY), "belongs neither to root"),
    "foreign-group-reads": (_mode(0o640, gid=FOREIGN_GROUP), "group"),
    "foreign-group-writes": (_mode(0o660, gid=FOREIGN_GROUP), "group"),
}


@pytest.mark.parametrize("label", FILES)
def test_a_file_that_must_not_be_used(maildest, label):
    change, word = FILES[label]
    name, path = write(maildest, "smtp", text_of("smtp"))
    change(path)
    assert_refused(maildest, "smtp", name, str(path), word)


@pytest.mark.parametrize(
    "keys",
    (
        {"mail.smtp.password": "x"},
        {"clientSecret": "x"},
        {"tokenServicePassword": "x"},
        {"tokenServiceURL.headers.Authorization": "x"},
        {"tokenService.body.client_assertion": "x"},
        {"TrustStorePassword": "x"},
    ),
    ids=lambda keys: next(iter(keys)),
)
def test_every_kind_of_secret_is_guarded(maildest, keys):
    name, path = write(maildest, "smtp", text_of("smtp", **{"mail.password": None}, **keys))
    path.chmod(0o644)
    assert_refused(maildest, "smtp", name, str(path), "other users")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_file_that_the_handlers_user_may_not_read(maildest, protocol):
    name, path = write(maildest, protocol, text_of(protocol))
    assert_refused(maildest, protocol, name, str(path), "may not be read", user=NOBODY)


OWN_FILES = {
    "own": (NOBODY, NOBODY, 0o600),
    "own-group": (0, NOBODY, 0o640),
    "foreign-group-without-rights": (NOBODY, FOREIGN_GROUP, 0o600),
}


@pytest.mark.parametrize("label", OWN_FILES)
def test_a_file_that_is_kept_well_is_used(maildest, label):
    uid, gid, mode = OWN_FILES[label]
    name, path = write(maildest, "smtp", text_of("smtp"))
    _mode(mode, uid, gid)(path)
    session = maildest.connect(name, user=NOBODY)
    maildest.assert_refused(session, "smtp", "connect")


def test_a_file_without_secrets_may_be_public(maildest):
    keys = {"Authentication": "OAuth2ClientCredentials", "mail.password": None}
    name, path = write(maildest, "smtp", text_of("smtp", **keys))
    path.chmod(0o644)
    # It gets as far as asking a helper, which is not there.
    maildest.assert_refused(maildest.connect(name), "smtp", "helper")


def test_a_link_within_the_folder_is_followed(maildest):
    name, path = write(maildest, "smtp", text_of("smtp"))
    path.rename(path.with_name("real.json"))
    path.symlink_to("real.json")
    maildest.assert_refused(maildest.connect(name), "smtp", "connect")


# --- folders and names


def _no_config(config):
    config.rename(config.with_name("gone"))


def _config_is_file(config):
    _no_config(config)
    config.write_text("")


def _no_destinations(config):
    (config / "destinations").rename(config / "gone")


def _destinations_is_file(config):
    _no_destinations(config)
    (config / "destinations").write_text("")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "change", (_no_config, _config_is_file, _no_destinations, _destinations_is_file)
)
def test_a_folder_that_is_not_there(maildest, change, protocol):
    name, _ = write(maildest, protocol, text_of(protocol))
    change(maildest.config)
    assert_refused(maildest, protocol, name, str(maildest.config))


def test_a_folder_that_the_handlers_user_may_not_enter(maildest):
    name, _ = write(maildest, "smtp", text_of("smtp"))
    (maildest.config / "destinations").chmod(0o700)
    assert_refused(maildest, "smtp", name, "destinations", "may not be read", user=NOBODY)


NAMES = {
    "parent": "../outside", "slash": "a/smtp", "absolute": "/etc/passwd", "dot": "smtp.json",
    "hidden": ".smtp", "empty": "", "too-long": "s" * 201, "blank": "a b", "line-break": "a\nb",
    "umlaut": "smtp-ä", "percent": "%j", "imap": "../imap",
    "pop3": "../pop3",
}  # fmt: skip


@pytest.mark.parametrize("label", NAMES)
def test_a_name_that_is_none(maildest, label):
    write(maildest, "smtp", text_of("smtp"))
    maildest.write("outside.json", text_of("smtp"))
    begin = {"imap": "* BYE [UNAVAILABLE] ", "pop3": "-ERR [SYS/TEMP] "}.get(label, "421 4.3.5 ")
    session = maildest.connect(NAMES[label])
    reply = session.rest()
    session.close()
    (record,) = session.records()
    assert reply.startswith(begin), reply
    maildest.assert_record(record, "configuration", "destination's name")


# --- maildest.conf

SETTINGS = {
    "unknown-key": (b"Foo=bar\n", "line 1"),
    "no-value": (b"# fine\nAdditionalCAs\n", "line 2"),
    "client-login": (b"\n\nClientLogin=sometimes\n", "line 3"),
    "tenant-mode": (b"TenantMode=both\n", "dedicated or shared"),
    "tenant": (b"TokenServiceTenant=a.b\n", "DNS label"),
    "cas-outside": (b"AdditionalCAs=../ca.pem\n", "certificates/"),
    "section": (b"[Section]\n", "line 1"),
    "nul": (b"ClientLogin=any\0\n", "NUL"),
    "too-large": (b"#" * 65537, "larger than"),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("label", SETTINGS)
def test_bad_settings(maildest, label, protocol):
    text, word = SETTINGS[label]
    name, _ = write(maildest, protocol, text_of(protocol))
    path = maildest.write("maildest.conf", "# nothing\n")
    path.write_bytes(text)
    assert_refused(maildest, protocol, name, str(path), word)


SETTINGS_FILES = {
    "folder": (_replace_by_folder, "no regular file"),
    "fifo": (_replace_by_fifo, "no regular file"),
    "link-out": (_link_to("/etc/passwd"), "symbolic link"),
}


@pytest.mark.parametrize("label", SETTINGS_FILES)
def test_settings_that_are_no_file(maildest, label):
    change, word = SETTINGS_FILES[label]
    name, _ = write(maildest, "smtp", text_of("smtp"))
    path = maildest.write("maildest.conf", "# nothing\n")
    change(path)
    assert_refused(maildest, "smtp", name, str(path), word)


def test_settings_that_the_handlers_user_may_not_read(maildest):
    name, destination = write(maildest, "smtp", text_of("smtp"))
    os.chown(destination, NOBODY, NOBODY)
    path = maildest.write("maildest.conf", "ClientLogin=any\n", mode=0o600)
    assert_refused(maildest, "smtp", name, str(path), "may not be read", user=NOBODY)


# --- the same by other ways


def test_check_says_the_same(maildest):
    name, path = write(maildest, "smtp", text_of("smtp", **{"mail.smtp.port": "abc"}))
    shown = maildest.check(name)
    assert shown.returncode == 1, shown
    assert f"{path}: key 'mail.smtp.port' must be a number" in shown.stdout, shown.stdout
    assert PASSWORD not in shown.stdout + shown.stderr


def test_socket_activation_says_the_same(maildest):
    name, path = write(maildest, "imap4", text_of("imap4", **{"mail.imap4.port": "0"}))
    port = maildest.listen(name)
    shown = subprocess.run(
        ["/usr/bin/python3", "-c", "import socket, sys\n"
         "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
         "print(s.makefile().read())", str(port)],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert shown.stdout.startswith("* BYE [UNAVAILABLE] "), shown
    record = maildest.wait_for_record(name)
    maildest.assert_record(record, "configuration", str(path), "'mail.imap4.port'")
    waiting.until(lambda: not maildest.handlers(name), "its handler stays")
