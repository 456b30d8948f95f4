/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS sessions out of and into a connection. OpenSSL resumes without looking at the
 * certificate again, so what a full handshake would find out must be known otherwise:
 * that it was believed under the same policy is in the name sessions are kept under, and
 * with each goes the moment until which its full handshake counts: the chain's end, a day
 * at most. The certificate itself is left out: decoding its key takes longer than
 * all the rest of a resumption.
 */

#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#include "tls-private.h"
#include "tls.h"

/* A session is a few hundred bytes; with a client certificate in its ticket, some KiB. */
#define SESSION_MAX ((size_t)16 * 1024)
/* For servers that say nothing of it (RFC 5077 5.6), or resume by session id. */
#define LIFETIME_DEFAULT_SEC 300
#define PEER_TAG 3
/* One resumption may follow the other so long before a certificate is looked at again. */
#define BELIEVED_MAX_SEC (UINT64_C(24) * 60 * 60)
/* That moment, in seconds of CLOCK_REALTIME, before the DER, the highest byte first. */
#define BELIEVED_SIZE 8

void tls_session_done(struct tls_session *s)
{
	secret_done(&s->bytes);
	*s = (struct tls_session){0};
}

int tls_on_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls *tls = SSL_get_app_data(ssl);

	if (tls->n_sessions == TLS_SESSIONS_MAX) {
		SSL_SESSION_free(tls->sessions[0]);
		memmove(tls->sessions, tls->sessions + 1,
		    (TLS_SESSIONS_MAX - 1) * sizeof(*tls->sessions));
		tls->n_sessions--;
	}
	tls->sessions[tls->n_sessions++] = session;
	return 1; /* the reference is ours now */
}

void tls_drop_sessions(struct tls *tls)
{
	while (tls->n_sessions > 0)
		SSL_SESSION_free(tls->sessions[--tls->n_sessions]);
}

static uint64_t now(void)
{
	return (uint64_t)time(NULL);
}

/* When a session began, in seconds; the older name ends in 2038 where time_t is short. */
#if OPENSSL_VERSION_NUMBER >= 0x30300000L
static time_t begin_of_life(const SSL_SESSION *session)
{
	return SSL_SESSION_get_time_ex(session);
}
#else
static time_t begin_of_life(const SSL_SESSION *session)
{
	return SSL_SESSION_get_time(session);
}
#endif

/* When the server will have forgotten it; of TLS 1.2, OpenSSL leaves that to us (RFC 5077 3.3). */
static uint64_t end_of_life(const SSL_SESSION *session)
{
	uint64_t hint = SSL_SESSION_get_ticket_lifetime_hint(session);

	return (uint64_t)begin_of_life(session) +
	       (hint > 0 ? hint : LIFETIME_DEFAULT_SEC);
}

/* Takes the moment off the front; 0 if there is none. */
static uint64_t take_believed_until(const unsigned char **p, size_t *n)
{
	uint64_t moment = 0;

	if (*n < BELIEVED_SIZE)
		return 0;
	for (unsigned i = 0; i < BELIEVED_SIZE; i++)
		moment = moment << 8 | (*p)[i];
	*p += BELIEVED_SIZE;
	*n -= BELIEVED_SIZE;
	return moment;
}

bool tls_offer_session(struct tls *tls, const struct secret *bytes)
{
	const unsigned char *p = (const unsigned char *)bytes->data;
	size_t n = bytes->len;
	uint64_t believed_until = take_believed_until(&p, &n);
	SSL_SESSION *offered;
	bool done;

	/* one that is too far ahead was written before the clock was set back */
	if (n == 0 || n > SESSION_MAX || believed_until <= now() ||
	    believed_until > now() + BELIEVED_MAX_SEC)
		return false;
	offered = d2i_SSL_SESSION(NULL, &p, (long)n);
	done = offered && SSL_SESSION_is_resumable(offered) &&
	       end_of_life(offered) > now() && SSL_set_session(tls->ssl, offered) == 1;
	SSL_SESSION_free(offered);
	ERR_clear_error();
	if (done)
		tls->believed_until = believed_until;
	return done;
}

bool tls_has_offered(const struct tls *tls)
{
	return tls->believed_until > 0;
}

bool tls_is_resumed(const struct tls *tls)
{
	return SSL_session_reused(tls->ssl) == 1;
}

/* Seconds until a certificate ends; 0 if it has, or if that cannot be told. */
static uint64_t seconds_left(const X509 *certificate)
{
	int days, seconds;

	if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1 ||
	    days < 0 || seconds < 0)
		return 0;
	return (uint64_t)days * 24 * 60 * 60 + (uint64_t)seconds;
}

/* Until the first certificate of the chain ends that was believed; 0 if there is none. */
static uint64_t chain_lifetime(const struct tls *tls)
{
	const STACK_OF(X509) *chain = SSL_get0_verified_chain(tls->ssl);
	uint64_t shortest = sk_X509_num(chain) > 0 ? BELIEVED_MAX_SEC : 0;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		uint64_t left = seconds_left(sk_X509_value(chain, i));

		shortest = MIN_OF(shortest, left);
	}
	return shortest;
}

/* Until when this connection's full handshake counts, or the one it goes back to. */
static uint64_t believed_until(const struct tls *tls)
{
	if (tls_is_resumed(tls))
		return tls->believed_until;
	if (tls->context->policy.insecure)
		return now() + BELIEVED_MAX_SEC;
	return now() + chain_lifetime(tls);
}

/* What is left of a session's life, but not longer than it would be believed; 0: none. */
static uint64_t lifetime_of(const SSL_SESSION *session, uint64_t until)
{
	uint64_t end = end_of_life(session), moment = now();

	end = MIN_OF(end, until);
	return end > moment ? end - moment : 0;
}

static int append_believed_until(uint64_t moment, struct secret *ret)
{
	unsigned char bytes[BELIEVED_SIZE];

	for (unsigned i = 0; i < BELIEVED_SIZE; i++)
		bytes[i] = (unsigned char)(moment >> (8 * (BELIEVED_SIZE - 1 - i)));
	return secret_append(ret, bytes, sizeof(bytes));
}

/*
 * Appends the elements of a SEQUENCE but for the peer's certificate, [3] in OpenSSL's
 * SSL_SESSION_ASN1, each as it is. 0, -EBADMSG or -ENOMEM.
 */
static int copy_elements(
    const unsigned char *p, const unsigned char *end, struct secret *ret)
{
	int r = 0;

	while (r == 0 && p < end) {
		const unsigned char *start = p;
		int tag, class;
		long n;

		if (ASN1_get_object(&p, &n, &tag, &class, end - p) & 0x80)
			return -EBADMSG;
		p += n;
		if (class != V_ASN1_CONTEXT_SPECIFIC || tag != PEER_TAG)
			r = secret_append(ret, start, (size_t)(p - start));
	}
	return r;
}

/* Puts the header of a SEQUENCE of `body` before it. */
static int append_sequence(const struct secret *body, struct secret *ret)
{
	int n = ASN1_object_size(1, (int)body->len, V_ASN1_SEQUENCE), r;
	unsigned char *p;

	if (n <= 0 || (size_t)n > SESSION_MAX)
		return -EMSGSIZE;
	r = secret_reserve(ret, (size_t)n);
	if (r < 0)
		return r;
	p = (unsigned char *)ret->data + ret->len;
	ASN1_put_object(&p, 1, (int)body->len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(p, body->data, body->len);
	ret->len += (size_t)n;
	ret->data[ret->len] = '\0';
	return 0;
}

static int strip_certificate(const struct secret *der, struct secret *ret)
{
	const unsigned char *p = (const unsigned char *)der->data;
	_cleanup_secret_ struct secret body = {0};
	int tag, class, r;
	long n;

	if ((ASN1_get_object(&p, &n, &tag, &class, (long)der->len) & 0x80) ||
	    tag != V_ASN1_SEQUENCE)
		return -EBADMSG;
	r = copy_elements(p, p + n, &body);
	return r < 0 ? r : append_sequence(&body, ret);
}

static int encode(const SSL_SESSION *session, struct secret *ret)
{
	_cleanup_secret_ struct secret der = {0};
	int n = i2d_SSL_SESSION(session, NULL), r;
	unsigned char *p;

	if (n <= 0)
		return -EBADMSG;
	r = secret_reserve(&der, (size_t)n);
	if (r < 0)
		return r;
	p = (unsigned char *)der.data;
	der.len = (size_t)i2d_SSL_SESSION(session, &p);
	return strip_certificate(&der, ret);
}

/* 1, or 0 if it is none that could be resumed. */
static int take(const struct tls *tls, SSL_SESSION *session, struct tls_session *ret)
{
	uint64_t until = believed_until(tls);
	int r;

	ret->lifetime_sec = lifetime_of(session, until);
	ret->single_use = SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
	if (!SSL_SESSION_is_resumable(session) || ret->lifetime_sec == 0)
		return 0;
	r = append_believed_until(until, &ret->bytes);
	if (r == 0)
		r = encode(session, &ret->bytes);
	ERR_clear_error();
	if (r < 0)
		secret_clear(&ret->bytes);
	return r == -ENOMEM ? r : r == 0;
}

int tls_take_session(struct tls *tls, struct tls_session *ret)
{
	int r = 0;

	while (r == 0 && tls->n_sessions > 0) {
		SSL_SESSION *session = tls->sessions[--tls->n_sessions];

		r = take(tls, session, ret);
		SSL_SESSION_free(session);
	}
	return r;
}
