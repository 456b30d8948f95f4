/* SPDX-License-Identifier: Apache-2.0 */
/* The one escape that SASL's GS2 header and SCRAM share. */

#include "saslname.h"

int saslname_append(struct secret *out, const char *user)
{
	int r = 0;

	for (; *user && r == 0; user++) {
		if (*user == ',')
			r = secret_puts(out, "=2C");
		else if (*user == '=')
			r = secret_puts(out, "=3D");
		else
			r = secret_append(out, user, 1);
	}
	return r;
}
