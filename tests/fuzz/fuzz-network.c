/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, networks, endpoints and names, a line each: each is written in one form only. */

#include <errno.h>
#include <string.h>

#include "dns-name.h"
#include "fuzz.h"
#include "network.h"

static void try_address(const char *text)
{
	char written[NETWORK_TEXT_MAX];
	struct address a, again;

	if (address_parse(text, &a) < 0)
		return;
	address_format(&a, written);
	fuzz_check(address_parse(written, &again) == 0 && address_equal(&a, &again),
	    "an address is another one when written");
	fuzz_check(!(address_is_loopback(&a) && address_is_wildcard(&a)),
	    "an address is loopback and wildcard");
}

static void try_network(const char *text)
{
	_cleanup_free_ char *why = NULL, *none = NULL;
	char written[NETWORK_TEXT_MAX];
	struct network n, again;
	int r;

	r = network_parse(text, &n, &why);
	fuzz_check_why(r, why);
	if (r < 0)
		return;
	fuzz_check(
	    n.bits <= (n.address.family == AF_INET ? 32 : 128), "a length is too long");
	fuzz_check(network_contains(&n, &n.address), "a network lacks its own address");
	network_format(&n, written);
	fuzz_check(network_parse(written, &again, &none) == 0 && again.bits == n.bits &&
		       address_equal(&n.address, &again.address),
	    "a network is another one when written");
}

static void try_endpoint(const char *text)
{
	_cleanup_free_ char *why = NULL, *none = NULL;
	char written[NETWORK_TEXT_MAX];
	struct endpoint e, again;
	int r;

	r = endpoint_parse(text, &e, &why);
	fuzz_check_why(r, why);
	if (r < 0 || e.port == 0)
		return;
	endpoint_format(&e, written);
	fuzz_check(endpoint_parse(written, &again, &none) == 0 && again.port == e.port &&
		       address_equal(&e.address, &again.address),
	    "an endpoint is another one when written");
}

static void try_name(const char *text)
{
	if (dns_name_is_valid(text))
		fuzz_check(
		    fuzz_is_word(text) && strlen(text) <= DNS_NAME_MAX, "a name is none");
	if (dns_label_is_valid(text, strlen(text)))
		fuzz_check(dns_name_is_valid(text), "a label is no name");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct fuzz_input in = fuzz_input(bytes, n);

	while (in.n > 0) {
		_cleanup_free_ char *text = fuzz_text(fuzz_take_line(&in));

		try_address(text);
		try_network(text);
		try_endpoint(text);
		try_name(text);
	}
	return 0;
}
