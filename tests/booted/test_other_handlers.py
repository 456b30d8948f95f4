# SPDX-License-Identifier: Apache-2.0
"""A destination whose server is another service's port: no way into another mailbox."""

from test_cli import ServiceSession, command  # noqa: F401 (a fixture)


def test_a_destination_leads_into_no_other(machine, command, mail):  # noqa: F811
    command.resource("theirs")
    command("apply")
    theirs = command.row("theirs")
    keys = {
        "Type": "MAIL", "ProxyType": "Internet", "Authentication": "NoAuthentication",
        "mail.transport.protocol": "smtp", "mail.smtp.host": theirs["address"],
        "mail.smtp.port": str(theirs["port"]), "mail.smtp.starttls.enable": "false",
        "mail.smtp.starttls.required": "false",
    }  # fmt: skip
    machine.add_destination("ours", keys)
    machine.write(
        "services/ours.yaml",
        "apiVersion: destination.connectivity.api.sap/v1\nkind: Destination\n"
        "metadata: {name: ours}\nspec: {destinationRef: {name: ours}}\n",
    )
    command("apply")
    session = ServiceSession(machine, command.row("ours"))
    assert not session.dialogue.line().startswith("220"), "it leads into another mailbox"
    (record,) = machine.wait_for_journal(1, "MAILDEST_RESULT=access")
    assert "another session of maildest" in record["MESSAGE"], record
    ServiceSession(machine, theirs).whole()
