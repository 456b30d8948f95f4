/* SPDX-License-Identifier: Apache-2.0 */
/* A table by class of failure; the first row that fits counts. */

#include "hints.h"

#include <errno.h>
#include <string.h>

/* Where a row holds. */
enum place {
	ANYWHERE,
	MICROSOFT,
	GOOGLE,
	ON_PREMISE,
	WITH_PASSWORD,
};

static bool is_at(const struct destination *d, const char *domain)
{
	return d->host && strcasestr(d->host, domain);
}

static bool holds(enum place place, const struct destination *d)
{
	switch (place) {
	case ANYWHERE:
		return true;
	case MICROSOFT:
		return is_at(d, "office365.com") || is_at(d, "outlook.com");
	case GOOGLE:
		return is_at(d, "gmail.com") || is_at(d, "googlemail.com");
	case ON_PREMISE:
		return d->proxy_type == PROXY_ON_PREMISE;
	case WITH_PASSWORD:
		return d->authentication == AUTH_BASIC;
	}
	return false;
}

static const struct {
	int error;
	enum place place;
	const char *text;
} hints[] = {
    {EINVAL, ANYWHERE,
	"correct the file, which `maildest check` reads without connecting; or, where a "
	"Destination service says so, its key in instances/, the name or the level"},
    {ENOTCONN, ANYWHERE,
	"start it, also where only its socket is lost: systemctl enable "
	"maildest-helper.socket; systemctl restart maildest-helper.socket; then look at "
	"journalctl -u maildest-helper"},
    {ENOKEY, MICROSOFT,
	"compare clientId, tokenServiceURL and scope with the app registration; "
	"invalid_client is mostly a secret that has ended, or its id instead of its "
	"value"},
    {ENOKEY, ANYWHERE,
	"compare clientId, client secret, scope and tokenServiceURL with what the token "
	"service has; the error's name above is its own"},
    {EAGAIN, ANYWHERE,
	"the token service does not answer, or not well: reach tokenServiceURL with curl "
	"from this host; a proxy or a firewall may be between"},
    {EADDRNOTAVAIL, ANYWHERE,
	"look the name up with getent hosts NAME; correct mail.<p>.host or this host's "
	"/etc/resolv.conf"},
    {EKEYREJECTED, ANYWHERE,
	"an unknown authority: put its certificate into certificates/ and name that file "
	"in TrustStoreLocation, or install it on this host; a wrong name: correct "
	"mail.<p>.host; expired, or not yet valid: its operator renews it, unless this "
	"host's clock is wrong (date)"},
    {EACCES, MICROSOFT,
	"Exchange Online wants the app's service principal (New-ServicePrincipal), "
	"rights on the mailbox (Add-MailboxPermission), and for SMTP "
	"SmtpClientAuthentication "
	"on"},
    {EACCES, GOOGLE,
	"Gmail wants an app password (16 letters, two-step verification on), or a token "
	"with the scope https://mail.google.com/"},
    {EACCES, WITH_PASSWORD, "compare mail.user and mail.password with the server's"},
    {EACCES, ANYWHERE,
	"the token is good, but the server does not let mail.user in with it: look at "
	"the claims above, and at the rights on the mailbox"},
    {EKEYEXPIRED, ANYWHERE,
	"the proxy wants other credentials: look at connectivity.json, or at "
	"mail.<p>.socks.user and .password"},
    {EREMOTEIO, ANYWHERE, "that is no SOCKS5 proxy: look at its host and port"},
    {EBUSY, ANYWHERE,
	"the server wants to be asked later; if it stays, ask its operator"},
    {EOPNOTSUPP, ANYWHERE,
	"look at mail.<p>.starttls.*, the protocol (smtps, imap4s, pop3s speak TLS from "
	"the first byte) and mail.<p>.auth.mechanisms"},
    {EPROTO, ANYWHERE,
	"the port speaks another protocol, or TLS is expected at another moment: look at "
	"mail.transport.protocol and mail.<p>.port"},
    {ECONNREFUSED, ON_PREMISE,
	"look at connectivity.json, and whether the Connectivity proxy runs"},
    {EHOSTUNREACH, ON_PREMISE,
	"map the virtual host and port in the Cloud Connector, and check that it is "
	"connected (and CloudConnectorLocationId, if there are several)"},
    {ECONNREFUSED, ANYWHERE, "nothing listens there: look at mail.<p>.host and .port"},
    {EHOSTUNREACH, ANYWHERE, "look at routes and firewalls of this host"},
    {ENETUNREACH, ANYWHERE, "look at routes and firewalls of this host"},
    {ETIMEDOUT, ANYWHERE,
	"a firewall drops the packets, or the server is overloaded; many networks close "
	"port 25, use 587 or 465"},
    {ECONNRESET, ANYWHERE,
	"the server hangs up: it may not know this host's address, or want TLS at "
	"another moment"},
    {EPIPE, ANYWHERE, "the server hangs up: try again, then ask its operator"},
};

const char *hints_find(int error, const struct destination *d)
{
	for (size_t i = 0; i < ELEMENTSOF(hints); i++)
		if (hints[i].error == -error && holds(hints[i].place, d))
			return hints[i].text;
	return "journalctl -p warning -t maildest-handler -t maildest-helper may know "
	       "more";
}
