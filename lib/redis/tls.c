/* SPDX-License-Identifier: MIT
 *
 * TLS, by OpenSSL. Each connection has a context of its own: connections are made seldom, and certificates are then
 * read anew, so that a renewed one is picked up by the next reconnect.
 *
 * What must stay true:
 *   - the certificate and the name in it are checked before anything of the caller's is sent, always;
 *   - nothing here asks a person: a key with a passphrase is refused, not prompted for;
 *   - the socket is read and written as connection.c does it, without a signal (OpenSSL's own way would raise SIGPIPE).
 */
#include "redis/tls.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/watch.h"

#include <errno.h>

#ifdef WEIR_HAVE_TLS

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifndef ERR_SYSTEM_ERROR /* before OpenSSL 3.0 */
#define ERR_SYSTEM_ERROR(code) (ERR_GET_LIB(code) == ERR_LIB_SYS)
#endif

struct weir_tls {
    int fd;
    BIO_METHOD *socket_method;
    SSL_CTX *context;
    SSL *ssl;
    char why[160]; /* the words of the last failure */
};

/* --- the socket, for OpenSSL --- */

static int socket_write(BIO *bio, const char *bytes, int len)
{
    struct weir_tls *tls = BIO_get_data(bio);
    ssize_t n = send(tls->fd, bytes, (size_t)len, MSG_NOSIGNAL);
    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)n;
}

static int socket_read(BIO *bio, char *bytes, int len)
{
    struct weir_tls *tls = BIO_get_data(bio);
    ssize_t n = recv(tls->fd, bytes, (size_t)len, 0);
    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        BIO_set_retry_read(bio);
    if (n == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)n;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    (void)number, (void)pointer;
    if (command == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return command == BIO_CTRL_FLUSH;
}

static bool attach_socket(struct weir_tls *tls)
{
    tls->socket_method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "weir socket");
    if (!tls->socket_method || !BIO_meth_set_write(tls->socket_method, socket_write) ||
        !BIO_meth_set_read(tls->socket_method, socket_read) || !BIO_meth_set_ctrl(tls->socket_method, socket_control))
        return false;
    BIO *bio = BIO_new(tls->socket_method);
    if (!bio)
        return false;
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio); /* takes it */
    return true;
}

/* --- what went wrong, in words --- */

/* Of the first error that OpenSSL noted, from which the others followed; `otherwise` where it has none. */
static const char *reason(const char *otherwise)
{
    unsigned long code = ERR_peek_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    if (!text && ERR_SYSTEM_ERROR(code))
        text = strerror(ERR_GET_REASON(code));
    return text ? text : otherwise;
}

/* Why a call on the connection failed, kept in tls->why. */
static void note_failure(struct weir_tls *tls)
{
    int failure = errno;
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_WRONG_VERSION_NUMBER)
        snprintf(tls->why, sizeof tls->why, "the server does not speak TLS on this port");
    else
        snprintf(tls->why, sizeof tls->why, "%s", reason(failure ? strerror(failure) : "the server closed it"));
}

/* --- handshakes --- */

static int refuse_to_ask(char *out, int size, int writing, void *asked)
{
    (void)out, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

/* Without memory OpenSSL says that, or that something of its own has failed. */
static bool is_of_memory(unsigned long code)
{
    int why = ERR_GET_REASON(code);
    if (ERR_SYSTEM_ERROR(code))
        return why == ENOMEM;
    return why == ERR_R_MALLOC_FAILURE || why == ERR_R_INIT_FAIL || why == ERR_R_INTERNAL_ERROR;
}

/* A file is no worse for the memory that there wasn't: that is worth another try. */
static weir_status unusable(const char *option, const char *why, weir_error *err)
{
    if (is_of_memory(ERR_peek_error()) || is_of_memory(ERR_peek_last_error()))
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for TLS");
    return weir_error_set(err, WEIR_ERR_ARGUMENT, "%s can't be used: %s", option, why);
}

static weir_status load_files(struct weir_tls *tls, const weir_connection_options *options, weir_error *err)
{
    bool asked = false;
    SSL_CTX_set_default_passwd_cb(tls->context, refuse_to_ask);
    SSL_CTX_set_default_passwd_cb_userdata(tls->context, &asked);
    int trusted = options->tls_ca_file ? SSL_CTX_load_verify_locations(tls->context, options->tls_ca_file, NULL)
                                       : SSL_CTX_set_default_verify_paths(tls->context);
    if (!trusted)
        return unusable("tls_ca_file", reason("it holds none"), err);
    if (options->tls_cert_file && SSL_CTX_use_certificate_chain_file(tls->context, options->tls_cert_file) != 1)
        return unusable("tls_cert_file", reason("it holds none"), err);
    if (options->tls_key_file &&
        SSL_CTX_use_PrivateKey_file(tls->context, options->tls_key_file, SSL_FILETYPE_PEM) != 1)
        return unusable("tls_key_file",
                        asked ? "it has a passphrase, and nobody is asked for one" : reason("it holds none"), err);
    SSL_CTX_set_default_passwd_cb_userdata(tls->context, NULL); /* of this function */
    return WEIR_OK;
}

static weir_status prepare(struct weir_tls *tls, const char *name, const weir_connection_options *options,
                           weir_error *err)
{
    ERR_clear_error();
    tls->context = SSL_CTX_new(TLS_client_method());
    if (!tls->context || !SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION))
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for TLS");
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    weir_status status = load_files(tls, options, err);
    if (status != WEIR_OK)
        return status;

    tls->ssl = SSL_new(tls->context);
    if (!tls->ssl || !attach_socket(tls))
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for TLS");
    if (!X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), name) &&
        (!SSL_set1_host(tls->ssl, name) || !SSL_set_tlsext_host_name(tls->ssl, name)))
        return unusable("the TLS server name", reason("out of memory"), err);
    return WEIR_OK;
}

static weir_status refused(struct weir_tls *tls, const char *name, weir_error *err)
{
    long verified = SSL_get_verify_result(tls->ssl);
    if (verified == X509_V_OK)
        return weir_error_set(err, WEIR_ERR_CONNECTION, "TLS handshake with %.120s failed: %s", name, tls->why);
    return weir_error_set(err, WEIR_ERR_CONNECTION, "the certificate of %.120s is refused: %s", name,
                          X509_verify_cert_error_string(verified));
}

static weir_status handshake(struct weir_tls *tls, const char *name, int64_t timeout_ms, int wake_fd, weir_error *err)
{
    int64_t deadline_ms = weir_now_ms() + timeout_ms;
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int rc = SSL_connect(tls->ssl);
        if (rc == 1)
            return WEIR_OK;
        int wanted = SSL_get_error(tls->ssl, rc);
        if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE) {
            note_failure(tls);
            return refused(tls, name, err);
        }
        struct pollfd fds[2] = {{.fd = tls->fd, .events = wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT},
                                {.fd = wake_fd, .events = POLLIN}};
        int64_t left_ms = deadline_ms - weir_now_ms();
        if (left_ms <= 0)
            return weir_error_set(
                err, WEIR_ERR_CONNECTION,
                "TLS handshake with %.120s: no answer within the connect timeout; does it speak TLS on this "
                "port?",
                name);
        weir_watch_wait_until(weir_now_us() + left_ms * 1000);
        bool woken = poll(fds, 2, (int)left_ms) > 0 && fds[1].revents;
        weir_watch_go_on();
        if (woken)
            return weir_error_set(err, WEIR_ERR_STOPPED, "interrupted while connecting");
    }
}

weir_status weir_tls_start(struct weir_tls **ret, int fd, const char *host, const weir_connection_options *options,
                           int wake_fd, weir_error *err)
{
    struct weir_tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for TLS");
    tls->fd = fd;
    const char *name = options->tls_server_name ? options->tls_server_name : host;
    weir_status status = prepare(tls, name, options, err);
    if (status == WEIR_OK)
        status = handshake(tls, name, options->connect_timeout_ms, wake_fd, err);
    if (status != WEIR_OK) {
        weir_tls_free(tls);
        return status;
    }
    *ret = tls;
    return WEIR_OK;
}

/* --- reading and writing --- */

/* What a read or write that returned rc means, in recv's terms. */
static ssize_t result(struct weir_tls *tls, int rc)
{
    if (rc > 0)
        return rc;
    switch (SSL_get_error(tls->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        note_failure(tls);
        errno = ECONNRESET;
        return -1;
    }
}

ssize_t weir_tls_read(struct weir_tls *tls, char *bytes, size_t len)
{
    ERR_clear_error();
    errno = 0;
    return result(tls, SSL_read(tls->ssl, bytes, len > INT_MAX ? INT_MAX : (int)len));
}

ssize_t weir_tls_write(struct weir_tls *tls, const char *bytes, size_t len)
{
    ERR_clear_error();
    errno = 0;
    return result(tls, SSL_write(tls->ssl, bytes, len > INT_MAX ? INT_MAX : (int)len));
}

bool weir_tls_still_open(struct weir_tls *tls)
{
    char byte;
    ERR_clear_error();
    errno = 0;
    return result(tls, SSL_peek(tls->ssl, &byte, 1)) < 0 && errno == EAGAIN;
}

const char *weir_tls_why(const struct weir_tls *tls)
{
    return tls->why;
}

void weir_tls_free(struct weir_tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->socket_method);
    free(tls);
    ERR_clear_error(); /* the thread is the caller's, who may use OpenSSL as well */
}

#else

weir_status weir_tls_start(struct weir_tls **ret, int fd, const char *host, const weir_connection_options *options,
                           int wake_fd, weir_error *err)
{
    (void)ret, (void)fd, (void)host, (void)options, (void)wake_fd;
    return weir_error_set(err, WEIR_ERR_UNSUPPORTED, "rediss:// needs a libweir that was built with TLS (OpenSSL)");
}

ssize_t weir_tls_read(struct weir_tls *tls, char *bytes, size_t len)
{
    (void)tls, (void)bytes, (void)len;
    errno = ENOTSUP;
    return -1;
}

ssize_t weir_tls_write(struct weir_tls *tls, const char *bytes, size_t len)
{
    (void)tls, (void)bytes, (void)len;
    errno = ENOTSUP;
    return -1;
}

bool weir_tls_still_open(struct weir_tls *tls)
{
    (void)tls;
    return false;
}

const char *weir_tls_why(const struct weir_tls *tls)
{
    (void)tls;
    return "";
}

void weir_tls_free(struct weir_tls *tls)
{
    (void)tls;
}

#endif
