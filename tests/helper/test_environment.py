# SPDX-License-Identifier: Apache-2.0
"""What the helper's environment may not turn: who is asked, and who else learns of it."""

import os

from token_service import TokenService

TOKEN = "canary-token-of-the-environment"
# Nobody answers there.
PROXY = "http://127.0.0.1:1"
PROXIES = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


def test_no_proxy_and_no_file_of_keys(make_helper, folder, certificates):
    """libcurl would write the secrets of each TLS connection to the file."""
    keys = f"{folder}/keys"
    environment = dict.fromkeys(PROXIES, PROXY) | {"no_proxy": "", "SSLKEYLOGFILE": keys}
    helper = make_helper(environment=environment).start()
    helper.write("maildest.conf", f"AdditionalCAs={certificates}/ca.pem\n")
    service = TokenService(f"{certificates}/good.pem")
    service.reply = 200, {}, f'{{"access_token": "{TOKEN}"}}'
    helper.destination(service.url())
    reply = helper.get_token()
    service.close()
    assert reply["parameters"].get("access_token") == TOKEN, f"through a proxy? {reply}"
    assert not os.path.exists(keys), "the keys of a TLS connection are in a file"
