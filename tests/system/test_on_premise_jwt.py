# SPDX-License-Identifier: Apache-2.0
"""ProxyType OnPremise: where the Connectivity proxy is, and the token (JWT) that it wants."""

import concurrent.futures
import json

import pytest

from rig import oauth
from rig.company import assert_refused, assert_served
from rig.connectivity import JWT_REFUSED
from rig.oauth import PROVIDER, TENANTS


@pytest.mark.parametrize("answer", JWT_REFUSED.values(), ids=JWT_REFUSED)
def test_a_refused_jwt_is_replaced_once(company, answer):
    company.proxy.script = [answer]
    assert_served(company, company.serve())
    first, second = company.proxy.tunnels
    assert first.jwt != second.jwt, "the refused JWT is shown again"
    assert company.proxy.client.requests == 2


def test_a_jwt_refused_twice(company):
    company.proxy.usual = JWT_REFUSED["login"]
    port = company.serve()
    assert_refused(company, port, ("Connectivity proxy", "token"))
    assert len(company.proxy.tunnels) == 2, "it is tried for ever"
    assert_refused(company, port, ("Connectivity proxy",), count=2)
    assert company.proxy.client.requests <= 3, "each session causes a token request"


def test_the_jwt_is_kept(company):
    port = company.serve()
    for _ in range(3):
        assert_served(company, port)
    assert company.proxy.client.requests == 1


def test_many_sessions_at_once_cause_one_request(company):
    company.proxy.client.change(delay=300)
    port = company.serve()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: assert_served(company, port), range(20)))
    assert len(company.proxy.tunnels) == 20
    assert company.proxy.client.requests == 1, "sessions at once did not share one request"


def serve_tenant(company, tenant, protocol="smtp"):
    keys = company.keys(protocol)
    company.scene.maildest.add_destination(protocol, keys)
    if not company.scene.maildest.helper:
        company.scene.maildest.start_helper()
    return company.scene.maildest.listen(protocol, options=[f"--tenant={tenant}"])


def test_a_tenants_jwt_comes_from_its_own_url(company):
    ports = {tenant: serve_tenant(company, tenant) for tenant in TENANTS}
    for port in ports.values():
        assert_served(company, port)
    hosts = [one["host"] for one in company.proxy.client.asked]
    assert hosts == [f"{tenant}.localhost" for tenant in TENANTS]
    assert [tunnel.tenant for tunnel in company.proxy.tunnels] == list(TENANTS)


def test_a_tenant_never_gets_the_providers_jwt(company):
    """The provider's is there already; the tenant's cannot be had."""
    assert_served(company, company.serve())
    port = serve_tenant(company, "tenant-x")
    company.configure(token_service_url=f"https://localhost:{company.scene.world.tokens.port}")
    assert_refused(company, port, ("connectivity.json", "token_service_url"), count=2)
    assert [tunnel.tenant for tunnel in company.proxy.tunnels] == [PROVIDER]
    assert {one["host"] for one in company.proxy.client.asked} == {f"{PROVIDER}.localhost"}


CONNECTIVITY = {
    "missing": (None, "connectivity.json"),
    "no-json": ("{", "connectivity.json"),
    "no-host": ({"onpremise_proxy_host": None}, "onpremise_proxy_host"),
    "bad-port": ({"onpremise_socks5_proxy_port": "port"}, "onpremise_socks5_proxy_port"),
    "no-client": ({"clientid": None}, "clientid"),
    "no-secret": ({"clientsecret": None}, "clientsecret"),
    "no-url": ({"token_service_url": None}, "token_service_url"),
}


@pytest.mark.parametrize("changes,named", CONNECTIVITY.values(), ids=CONNECTIVITY)
def test_a_wrong_connectivity_json(company, changes, named):
    port = company.serve()
    file = company.scene.maildest.config / "connectivity.json"
    if changes is None:
        file.unlink()
    elif isinstance(changes, str):
        file.write_text(changes)
    else:
        key = company.proxy.service_key(**changes)
        file.write_text(json.dumps({name: value for name, value in key.items() if value}))
    record = assert_refused(company, port, ("connectivity.json", named))
    assert company.proxy.client.secret not in record["MESSAGE"]


def test_connectivity_json_that_others_may_read(company):
    port = company.serve()
    (company.scene.maildest.config / "connectivity.json").chmod(0o644)
    assert_refused(company, port, ("connectivity.json",))


def test_a_whole_binding_and_the_older_names(company):
    key = company.proxy.service_key()
    key["url"] = key.pop("token_service_url") + oauth.PATH
    binding = {"label": "connectivity", "credentials": key}
    company.scene.maildest.write("connectivity.json", json.dumps(binding))
    assert_served(company, company.serve())


def configure_certificate(company):
    """A service key with a certificate instead of a secret."""
    client = company.proxy.client
    certificate, key = company.scene.world.authority.issue(client.id, usage="clientAuth")
    client.change(auth="tls_client_auth", subject=f"CN={client.id}")
    service_key = company.proxy.service_key()
    del service_key["clientsecret"]
    service_key["certurl"] = service_key.pop("token_service_url")
    service_key |= {"certificate": certificate.read_text(), "key": key.read_text()}
    company.scene.maildest.write("connectivity.json", json.dumps(service_key))
    company.scene.maildest.secrets.append(key.read_text().splitlines()[2])


def test_a_service_key_with_a_certificate(company):
    configure_certificate(company)
    assert_served(company, company.serve())
    port = serve_tenant(company, TENANTS[0])
    assert_served(company, port)
    assert [tunnel.tenant for tunnel in company.proxy.tunnels] == [PROVIDER, TENANTS[0]]


def test_the_clients_secret_is_wrong(company):
    company.configure(clientsecret="wrong-secret-of-nobody-0123456789")
    assert_refused(company, company.serve(), ("invalid_client",))
    assert not company.proxy.tunnels
