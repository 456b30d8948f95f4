/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates out of files, whatever of three formats they are in: told by content, not
 * by name. */

#include "tls-anchors.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "reason.h"
#include "tls-certificates.h"

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

bool tls_anchors_are_hashed(const char *folder)
{
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = opendir(folder);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir)))
		found = is_hash_link(entry->d_name);
	(void)closedir(dir); /* was only read */
	return found;
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

int tls_anchors_read(const struct config *c, const char *name, const char *password,
    struct stack_st_X509 **ret, char **ret_why)
{
	_cleanup_config_file_ struct config_file f = {0};
	_cleanup_tls_anchors_ STACK_OF(X509) *stack = NULL;
	int r;

	if (name[0] == '/')
		r = config_read_path(name, CONFIG_CERTIFICATE_MAX, &f, ret_why);
	else
		r = config_read(
		    c, "certificates", name, "", CONFIG_CERTIFICATE_MAX, &f, ret_why);
	if (r < 0)
		return r;
	stack = sk_X509_new_null();
	if (!stack)
		return -ENOMEM;
	r = parse(stack, &f, password, ret_why);
	if (r == 0)
		*ret = TAKE_PTR(stack);
	return r;
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
