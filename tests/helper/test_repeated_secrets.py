# SPDX-License-Identifier: Apache-2.0
"""A token service that repeats the client's secret, in whatever letters that is written."""

import json
from urllib.parse import quote

import pytest
from token_service import TokenService, error_reply, openssl

# Characters that are escaped before anybody reads them stand close to each other.
SECRETS = [
    "ab\\cd\\ef\\gh\\ij\\kl\\mn",
    "a\u202eb\u202ec\u202ed\u202eefg",
    "\u00e4\u00f6\"\u00fc\"\u00df\"secret",
    "letters-and-digits-4711",
]
FORMS = {
    "as it is": lambda secret: secret,
    "as a form has it": lambda secret: quote(secret, safe=""),
    "as JSON has it": lambda secret: json.dumps(secret, ensure_ascii=False),
}
# Of a secret so much may stand in a text by chance.
RUN_MAX = 7


def pieces(secret):
    """What of the secret would be told by a text, escaped or not."""
    escaped = "".join(
        c if c.isalnum() or c in '-"' else "".join(f"\\x{b:02x}" for b in c.encode())
        for c in secret)
    return {text[i:i + RUN_MAX + 1] for text in (secret, escaped, quote(secret, safe=""))
            for i in range(len(text) - RUN_MAX)}


def told_of(secret, *texts):
    return [piece for piece in pieces(secret) if any(piece in text for text in texts)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", SECRETS, ids=ascii)
def test_a_secret_is_masked(helper, service, secret, form):
    words = f"you sent {FORMS[form](secret)}, which is wrong"
    service.reply = error_reply(401, "invalid_client", words)
    helper.destination(service.url(), clientSecret=secret)
    reason = helper.get_token()["parameters"]["reason"]
    text = reason + helper.final_log()
    assert "you sent" in text and "which is wrong" in text
    told = told_of(secret, text)
    assert not told, f"what is told of the secret: {told} in {reason!r}"


def test_a_secret_for_an_error(helper, service):
    """The code goes to the handler beside the reason."""
    secret = SECRETS[-1]
    service.reply = error_reply(400, f"no-{secret}", "as it says")
    helper.destination(service.url(), clientSecret=secret)
    answer = helper.get_token()["parameters"]
    assert "as it says" in answer["reason"]
    told = told_of(secret, *map(str, answer.values()), str(helper.status()), helper.final_log())
    assert not told, f"what is told of the secret: {told} in {answer}"


def test_a_secret_for_a_name_in_a_certificate(helper, certificates, folder):
    """What libcurl says of it are the service's words too."""
    secret = SECRETS[-1]
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={secret}",
            "-keyout", f"{folder}/named.key", "-out", f"{folder}/named.csr")
    openssl("x509", "-req", "-in", f"{folder}/named.csr", "-CA", f"{certificates}/ca.pem",
            "-CAkey", f"{certificates}/ca.key", "-CAcreateserial", "-out", f"{folder}/named.crt")
    with open(f"{folder}/named.pem", "w", encoding="ascii") as out:
        for part in ("key", "crt"):
            with open(f"{folder}/named.{part}", encoding="ascii") as f:
                out.write(f.read())
    helper.write("maildest.conf", f"AdditionalCAs={certificates}/ca.pem\n")
    service = TokenService(f"{folder}/named.pem")
    helper.destination(service.url(), clientSecret=secret)
    answer = helper.get_token()["parameters"]
    service.close()
    assert "does not match" in answer["reason"], f"the case has no meaning: {answer}"
    told = told_of(secret, answer["reason"], str(helper.status()), helper.final_log())
    assert not told, f"what is told of the secret: {told} in {answer}"
