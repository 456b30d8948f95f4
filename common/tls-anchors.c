/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates out of files, whatever of three formats they are in: told by content, not
 * by name. */

#include "tls-anchors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdalign.h>
#include <string.h>

#include "reason.h"
#include "tls-certificates.h"

/* Some of a folder's entries, the longest name's among them. */
#define ENTRIES_SIZE 1024

void tls_anchors_free(struct stack_st_X509 **stack)
{
	sk_X509_pop_free(*stack, X509_free);
}

/* "1a2b3c4d.0" */
static bool is_hash_link(const char *name)
{
	return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' &&
	       name[9] >= '0' && name[9] <= '9';
}

/* Of what getdents64(2) has put into a buffer. */
static bool has_hash_link(const char *entries, size_t n)
{
	for (size_t at = 0; at < n;) {
		const struct dirent64 *entry = (const void *)(entries + at);

		if (is_hash_link(entry->d_name))
			return true;
		at += entry->d_reclen;
	}
	return false;
}

/* A few entries tell; readdir(3) would have the kernel collect all there are. */
bool tls_anchors_are_hashed(const char *folder)
{
	alignas(struct dirent64) char entries[ENTRIES_SIZE];
	_cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t n;

	while (fd >= 0 && (n = getdents64(fd, entries, sizeof(entries))) > 0)
		if (has_hash_link(entries, (size_t)n))
			return true;
	return false;
}

static int add_der(
    STACK_OF(X509) * stack, const struct secret *text, const char *password)
{
	const unsigned char *p = (const unsigned char *)text->data;
	X509 *certificate = d2i_X509(NULL, &p, (long)text->len);

	return certificate ? tls_certificates_push(stack, certificate)
			   : tls_certificates_add_pkcs12(stack, text, password, NULL);
}

static int parse(STACK_OF(X509) * stack, const struct config_file *f,
    const char *password, char **ret_why)
{
	int r = 0;

	if (tls_certificates_are_der(&f->text))
		r = add_der(stack, &f->text, password);
	else if (f->text.len > 0)
		r = tls_certificates_add_pem(stack, &f->text);
	ERR_clear_error(); /* OpenSSL's words say less than the file's name */
	if (r == -EACCES)
		return reason_set(
		    ret_why, -EINVAL, "%s: is not opened by TrustStorePassword", f->path);
	if ((r == 0 || r == -ENOTSUP) && sk_X509_num(stack) == 0)
		return reason_set(
		    ret_why, -EINVAL, "%s: has no usable certificate", f->path);
	return r;
}

int tls_anchors_read_file(
    const struct config *c, const char *name, struct config_file *ret, char **ret_why)
{
	if (name[0] == '/')
		return config_read_path(name, CONFIG_CERTIFICATE_MAX, ret, ret_why);
	return config_read(
	    c, "certificates", name, "", CONFIG_CERTIFICATE_MAX, ret, ret_why);
}

int tls_anchors_parse(const struct config_file *f, const char *password,
    struct stack_st_X509 **ret, char **ret_why)
{
	_cleanup_tls_anchors_ STACK_OF(X509) *stack = sk_X509_new_null();
	int r;

	if (!stack)
		return -ENOMEM;
	r = parse(stack, f, password, ret_why);
	if (r == 0)
		*ret = TAKE_PTR(stack);
	return r;
}

int tls_anchors_read(const struct config *c, const char *name, const char *password,
    struct stack_st_X509 **ret, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	int r;

	r = tls_anchors_read_file(c, name, &f, ret_why);
	return r < 0 ? r : tls_anchors_parse(&f, password, ret, ret_why);
}

int tls_anchors_to_pem(const struct stack_st_X509 *stack, struct secret *out)
{
	_cleanup_bio_ BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	if (!bio)
		return -ENOMEM;
	for (int i = 0; i < sk_X509_num(stack); i++)
		if (PEM_write_bio_X509(bio, sk_X509_value(stack, i)) != 1)
			return -ENOMEM;
	n = BIO_get_mem_data(bio, &text);
	return secret_append(out, text, (size_t)n);
}
