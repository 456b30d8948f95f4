/* SPDX-License-Identifier: Apache-2.0 */
/* What is believed, in one digest: keys of the destination, and the state of its files. */

#include "tls-policy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/conf.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

#include "text.h"

#define SYSTEM_DIRECTORY "/etc/ssl/certs"

const char *const tls_policy_system_bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    NULL,
};

const char *tls_policy_system_directory(void)
{
	const char *directory = getenv("SSL_CERT_DIR");

	return directory && *directory ? directory : SYSTEM_DIRECTORY;
}

/* Whether mail.<p>.ssl.trust, "*" or names between spaces, covers the host. */
static bool is_trusted_host(const char *list, const char *host)
{
	size_t n = strlen(host);

	while (list && *list) {
		size_t word = strcspn(list, " ");

		if ((word == 1 && *list == '*') ||
		    (word == n && strncasecmp(list, host, n) == 0))
			return true;
		list += word;
		list += strspn(list, " ");
	}
	return false;
}

struct tls_policy tls_policy_of(const struct tls_trust *trust, const char *host)
{
	return (struct tls_policy){
	    .insecure =
		trust->insecure_trust_all || is_trusted_host(trust->trusted_hosts, host),
	    .check_host = trust->verification != HOST_VERIFY_NONE,
	    .host_flags = trust->verification == HOST_VERIFY_BROWSER_COMPATIBLE
			      ? X509_CHECK_FLAG_MULTI_LABEL_WILDCARDS
			      : X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
	};
}

/* The name of a file, ended by a NUL that no path has, and its state. */
static int append_file(struct secret *out, const char *what, int folder,
    const char *prefix, const char *name)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int r;

	path = text_format("%s%s", prefix, name);
	if (!path)
		return -ENOMEM;
	r = secret_concat(out, what, "=", path, NULL);
	if (r == 0)
		r = secret_append(out, "", 1);
	if (r < 0 || fstatat(folder, path, &st, 0) < 0)
		return r; /* who reads the file says why it cannot be */
	return secret_printf(out, "%ju:%ju:%jd:%jd.%09ld:%jd.%09ld\n",
	    (uintmax_t)st.st_dev, (uintmax_t)st.st_ino, (intmax_t)st.st_size,
	    (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (intmax_t)st.st_ctim.tv_sec,
	    st.st_ctim.tv_nsec);
}

/* As tls_anchors_read() takes it: an absolute path, or a name in certificates/. */
static int append_named(
    struct secret *out, const char *what, const struct config *config, const char *name)
{
	return append_file(
	    out, what, config->fd, name[0] == '/' ? "" : "certificates/", name);
}

static int append_system_anchors(struct secret *out)
{
	const char *bundle = getenv("SSL_CERT_FILE");
	int r;

	r = append_file(out, "directory", AT_FDCWD, "", tls_policy_system_directory());
	for (size_t i = 0; r == 0 && tls_policy_system_bundles[i]; i++)
		r = append_file(
		    out, "bundle", AT_FDCWD, "", tls_policy_system_bundles[i]);
	if (r == 0 && bundle && *bundle)
		r = append_file(out, "file", AT_FDCWD, "", bundle);
	return r;
}

static int append_anchors(struct secret *out, const struct config *config,
    const struct settings *settings, const struct tls_trust *trust)
{
	int r;

	r = append_system_anchors(out);
	if (r == 0 && settings->additional_cas)
		r = append_named(out, "additional", config, settings->additional_cas);
	if (r == 0 && trust->trust_store)
		r = append_named(out, "store", config, trust->trust_store);
	if (r == 0 && trust->trust_store_password)
		r = secret_concat(out, "password=", trust->trust_store_password, NULL);
	return r;
}

/* The state of openssl.cnf when this process read it, which OpenSSL does once. */
static struct {
	bool known;
	unsigned char digest[DIGEST_SHA256_SIZE];
} openssl_policy;

int tls_policy_note_openssl(void)
{
	_cleanup_secret_ struct secret text = {0};
	char *path;
	int r;

	path = CONF_get1_default_config_file();
	if (!path)
		return -ENOMEM;
	r = append_file(&text, "openssl", AT_FDCWD, "", path);
	OPENSSL_free(path);
	if (r == 0)
		r = digest_sha256(text.data, text.len, openssl_policy.digest);
	openssl_policy.known = r == 0;
	return r;
}

/* What it says of versions, ciphers and key sizes counts for every connection. */
static int append_openssl_policy(struct secret *out)
{
	int r = openssl_policy.known ? 0 : tls_policy_note_openssl();

	return r < 0 ? r
		     : secret_append(
			   out, openssl_policy.digest, sizeof(openssl_policy.digest));
}

int tls_policy_digest(const struct config *config, const struct settings *settings,
    const struct tls_trust *trust, const char *host,
    unsigned char ret[DIGEST_SHA256_SIZE])
{
	const struct tls_policy policy = tls_policy_of(trust, host);
	_cleanup_secret_ struct secret text = {0};
	int r;

	r = secret_printf(
	    &text, "%d %d %x\n", policy.insecure, policy.check_host, policy.host_flags);
	if (r == 0)
		r = append_openssl_policy(&text);
	if (r == 0 && !policy.insecure)
		r = append_anchors(&text, config, settings, trust);
	return r < 0 ? r : digest_sha256(text.data, text.len, ret);
}

/* Behind a proxy the same name may be another host. */
static int append_way(struct secret *out, const struct destination *d)
{
	return secret_printf(out, "%d %s;%s:%u;", d->proxy_type,
	    d->location_id ? d->location_id : "", d->socks_host ? d->socks_host : "",
	    (unsigned)d->socks_port);
}

static int append_keys(struct secret *out, const struct tls_keys *keys)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (X509_digest(keys->certificate, EVP_sha256(), digest, &n) != 1)
		return -EIO;
	return secret_append(out, (const char *)digest, n);
}

int tls_policy_context(const unsigned char policy[DIGEST_SHA256_SIZE],
    const struct destination *d, const struct tls_keys *keys,
    char ret[DIGEST_SHA256_HEX_SIZE])
{
	_cleanup_secret_ struct secret text = {0};
	int r;

	r = secret_append(&text, policy, DIGEST_SHA256_SIZE);
	if (r == 0)
		r = secret_printf(&text, "%s:%u;", d->host, (unsigned)d->port);
	if (r == 0)
		r = append_way(&text, d);
	if (r == 0 && keys)
		r = append_keys(&text, keys);
	return r < 0 ? r : digest_sha256_hex(text.data, text.len, ret);
}
