# SPDX-License-Identifier: Apache-2.0
"""maildest sync: what it remembers, and when, if Destination services are slow or silent."""

import pytest

from fakes.helper import OPENED, FakeHelper, error_message, message

FOUND = OPENED + message(
    parameters={"destination": '{"Type": "MAIL", "mail.transport.protocol": "imap"}'}
)
SILENT = error_message("TokenServiceUnavailable", reason="no answer in time")


class Helper(FakeHelper):
    """Answers about each instance as `answers` says: bytes, or a function that makes them."""

    def __init__(self, path, answers):
        self.asked = []
        self._answers = answers
        super().__init__(path, self._tell)

    def _tell(self, connection):
        opened = self.calls[-1]
        (instance,) = [name for name in self._answers if f'"instance":"{name}"'.encode() in opened]
        self.asked.append(instance)
        answer = self._answers[instance]
        answer = answer(opened) if callable(answer) else answer
        first, *rest = [reply + b"\0" for reply in answer.split(b"\0")[:-1]]
        connection.sendall(first)
        for reply in rest:
            if reply and connection.recv(65536):
                connection.sendall(reply)


@pytest.fixture
def helper(maildest):
    started = []

    def start(**answers):
        for name in answers:
            maildest.write(f"instances/{name}.json", "{}")
        started.append(Helper(maildest.socket, answers))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def remote(command):
    """Adds a service whose destination is an instance's to tell."""
    (command.config / "instances").mkdir()

    def add(name, instance, destination="Remote"):
        command.resource(name, destination)
        path = command.config / "services" / f"{name}.json"
        path.write_text(
            path.read_text().replace(
                '"spec": {', '"spec": {"destinationServiceInstanceName": "%s", ' % instance
            )
        )

    return add


def rows(command, file):
    path = command.config / ".state" / file
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split() for line in lines if not line.startswith("#"))


def test_an_instance_that_is_silent_is_asked_once(command, helper, remote):
    for name in "abc":
        remote(name, "slow")
    remote("d", "good")
    asked = helper(slow=SILENT, good=FOUND).asked
    said = command.json("sync", status=3)["results"]
    assert sorted(asked) == ["good", "slow"], "a silent instance is asked again"
    assert sum(row["kind"] == "service" for row in said) == 1, said
    (left,) = [row for row in said if row["kind"] == "instance"]
    assert left["name"] == "slow" and "2 more of its services" in left["reason"], left
    assert rows(command, "protocols")["d"] == "imap4"


def test_what_is_well_needs_no_word_every_three_minutes(command):
    """It goes to the journal of each host, for ever."""
    for name in ("mail", "other"):
        command.basic(name)
        command.resource(name, name)
    assert command("sync", "--quiet") == ""
    command.target.write("services/broken.yaml", "kind: [")
    said = command("sync", "--quiet", status=3).splitlines()
    assert len(said) == 2 and "broken.yaml" in said[1], said


def test_what_needs_no_answer_is_recorded_before_asking(command, helper, remote):
    command.basic("smtp")
    command.resource("mail", "smtp")
    remote("far", "slow")
    seen = []

    def answer(_):
        copies = command.config / ".state/services"
        seen.append((set(rows(command, "addresses")), (copies / "mail.json").exists()))
        return SILENT

    helper(slow=answer)
    command("sync", status=3)
    assert seen == [({"mail"}, True)], "addresses or copies are recorded only after the answer"


def test_a_protocol_is_recorded_as_soon_as_it_is_known(command, helper, remote):
    for name in "ab":
        remote(name, "good")
    before = []

    def answer(_):
        before.append({name for name in rows(command, "protocols") if ":" not in name})
        return FOUND

    helper(good=answer)
    command("sync")
    assert [len(names) for names in before] == [0, 1], "it is recorded only at the end"


def test_protocols_of_others_are_dropped(command, helper, remote):
    """Of services that are gone, and of those that mean another destination now."""
    answer = FOUND
    for name in "abc":
        remote(name, "good")
    helper(good=lambda _: answer)
    command("sync")
    assert {"a", "b", "c"} <= set(rows(command, "protocols"))
    answer = SILENT
    command("sync", status=3)
    assert {"a", "b", "c"} <= set(rows(command, "protocols")), "an answer has been forgotten"
    (command.config / "services" / "a.json").unlink()
    remote("b", "good", "Other")
    command("sync", status=3)
    left = {name for name in rows(command, "protocols") if ":" not in name}
    assert left == {"c"}, "a protocol is kept that is nobody's"


def test_what_is_edited_meanwhile_is_looked_at_again(command, helper, remote):
    """systemd does not watch while its service runs."""
    remote("a", "good")

    def answer(_):
        if not (command.config / "services/b.json").exists():
            remote("b", "good")
        return FOUND

    asked = helper(good=answer).asked
    said = command.json("sync")["results"]
    assert {"a", "b"} <= set(rows(command, "protocols")), "what is new is left to the timer"
    assert len(asked) == 3, "each is asked for once, and both when b has come"
    assert [row["name"] for row in said] == ["a", "b"], said


def test_edits_without_end_are_left_to_the_timer(command, helper, remote):
    remote("a", "good")
    asked = helper(good=lambda _: remote("a", "good") or FOUND).asked
    command("sync")
    assert len(asked) == 5, "it goes on for as long as somebody edits"


def test_what_an_instance_refused_is_said_until_it_tells(command, helper, remote):
    """list and check know no network: they say what sync was told last."""
    answer = error_message("InvalidDestination", reason="HTTP status 404: there is no such thing")
    remote("far", "good")
    remote("slow", "away")
    helper(good=lambda _: answer, away=SILENT)
    command("sync", status=3)
    (far,) = command.json("list", "far", status=None)["services"]
    assert "instance 'good': " in far["message"] and "HTTP status 404" in far["message"], far
    assert "no answer in time" in command("list", "slow", status=None)
    assert "HTTP status 404" in command("check", status=3)
    answer = FOUND
    command("sync", status=3)
    assert "404" not in command("list", status=None)
    assert set(rows(command, "refusals")) == {"slow"}
