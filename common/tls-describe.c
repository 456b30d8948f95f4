/* SPDX-License-Identifier: Apache-2.0 */
/* Names and times of certificates. */

#include "tls-describe.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"
#include "tls-anchors.h"
#include "tls-certificates.h"

static void describe_done(struct tls_description *d)
{
	free(d->subject);
	free(d->issuer);
}

void tls_descriptions_done(struct tls_descriptions *d)
{
	for (size_t i = 0; i < d->n; i++)
		describe_done(&d->list[i]);
	free(d->list);
	*d = (struct tls_descriptions){0};
}

static int read_name(const X509_NAME *name, char **ret)
{
	_cleanup_bio_ BIO *bio = BIO_new(BIO_s_mem());
	_cleanup_secret_ struct secret escaped = {0};
	char *text;
	long n;

	if (!bio || X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) < 0)
		return -ENOMEM;
	n = BIO_get_mem_data(bio, &text);
	if (n > 0 && log_escape(&escaped, text, (size_t)n) < 0)
		return -ENOMEM;
	*ret = strdup(secret_str(&escaped));
	return *ret ? 0 : -ENOMEM;
}

static int read_time(const ASN1_TIME *time, int64_t *ret)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return -EINVAL;
	*ret = timegm(&tm);
	return 0;
}

static int describe(const struct x509_st *certificate, struct tls_descriptions *d)
{
	struct tls_description one = {0}, *list;
	int r;

	r = read_name(X509_get_subject_name(certificate), &one.subject);
	if (r == 0)
		r = read_name(X509_get_issuer_name(certificate), &one.issuer);
	if (r == 0)
		r = read_time(X509_get0_notBefore(certificate), &one.not_before);
	if (r == 0)
		r = read_time(X509_get0_notAfter(certificate), &one.not_after);
	list = r == 0 ? reallocarray(d->list, d->n + 1, sizeof(*list)) : NULL;
	if (!list) {
		describe_done(&one);
		return r < 0 ? r : -ENOMEM;
	}
	d->list = list;
	d->list[d->n++] = one;
	return 0;
}

int tls_describe_all(const struct stack_st_X509 *stack, struct tls_descriptions *d)
{
	int r = 0;

	for (int i = 0; r == 0 && i < sk_X509_num(stack) && i < TLS_DESCRIPTIONS_MAX; i++)
		r = describe(sk_X509_value(stack, i), d);
	return r;
}

int tls_describe_text(
    const struct secret *text, const char *password, struct tls_descriptions *d)
{
	_cleanup_tls_anchors_ STACK_OF(X509) *stack = sk_X509_new_null();
	const unsigned char *p = (const unsigned char *)text->data;
	X509 *certificate = NULL;
	int r;

	if (!stack)
		return -ENOMEM;
	if (text->len == 0)
		return 0;
	if (!tls_certificates_are_der(text))
		r = tls_certificates_add_pem(stack, text);
	else if ((certificate = d2i_X509(NULL, &p, (long)text->len)))
		r = tls_certificates_push(stack, certificate);
	else
		r = tls_certificates_add_pkcs12(stack, text, password, NULL);
	ERR_clear_error(); /* r says it */
	return r < 0 ? r : tls_describe_all(stack, d);
}
