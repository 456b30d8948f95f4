/* SPDX-License-Identifier: Apache-2.0 */
#include "tls-chain.h"

#include "tls-private.h"

int tls_chain_read(const struct tls *tls, struct tls_descriptions *ret)
{
	const STACK_OF(X509) *chain = SSL_get_peer_cert_chain(tls->ssl);

	return chain ? tls_describe_all(chain, ret) : 0;
}
