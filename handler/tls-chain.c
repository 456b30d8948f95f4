/* SPDX-License-Identifier: Apache-2.0 */
#include "tls-chain.h"

#include "tls-private.h"

int tls_chain_read(const struct tls *tls, struct tls_descriptions *ret)
{
	const STACK_OF(X509) *chain = SSL_get_peer_cert_chain(tls->ssl);

	return chain ? tls_describe_all(chain, ret) : 0;
}

char *tls_chain_issuer(const struct tls *tls)
{
	_cleanup_tls_descriptions_ struct tls_descriptions chain = {0};

	if (tls_chain_read(tls, &chain) < 0 || chain.n == 0)
		return NULL;
	return TAKE_PTR(chain.list[chain.n - 1].issuer);
}
