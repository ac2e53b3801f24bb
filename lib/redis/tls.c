/* SPDX-License-Identifier: MIT
 *
 * TLS, by OpenSSL. Each connection has a context of its own: connections are made seldom, and certificates are then
 * read anew, so that a renewed one is picked up by the next reconnect.
 */
#include "redis/tls.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>

#ifdef WEIR_HAVE_TLS

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct weir_tls {
    SSL_CTX *context;
    SSL *ssl;
};

static const char *reason(const struct weir_tls *tls)
{
    long verified = tls->ssl ? SSL_get_verify_result(tls->ssl) : X509_V_OK;
    if (verified != X509_V_OK)
        return X509_verify_cert_error_string(verified);
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text ? text : "the server closed the connection";
}

static weir_status prepare(struct weir_tls *tls, int fd, const char *host, const weir_connection_options *options,
                           weir_error *err)
{
    tls->context = SSL_CTX_new(TLS_client_method());
    if (!tls->context || !SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION))
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for TLS");
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    int trusted = options->tls_ca_file ? SSL_CTX_load_verify_locations(tls->context, options->tls_ca_file, NULL)
                                       : SSL_CTX_set_default_verify_paths(tls->context);
    if (!trusted)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "tls_ca_file can't be used: %s", reason(tls));
    if (options->tls_cert_file && SSL_CTX_use_certificate_chain_file(tls->context, options->tls_cert_file) != 1)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "tls_cert_file can't be used: %s", reason(tls));
    if (options->tls_key_file &&
        SSL_CTX_use_PrivateKey_file(tls->context, options->tls_key_file, SSL_FILETYPE_PEM) != 1)
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "tls_key_file can't be used: %s", reason(tls));

    const char *name = options->tls_server_name ? options->tls_server_name : host;
    tls->ssl = SSL_new(tls->context);
    if (!tls->ssl || !SSL_set_fd(tls->ssl, fd))
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for TLS");
    if (!X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), name) &&
        (!SSL_set1_host(tls->ssl, name) || !SSL_set_tlsext_host_name(tls->ssl, name)))
        return weir_error_set(err, WEIR_ERR_ARGUMENT, "the TLS server name can't be used: %s", reason(tls));
    return WEIR_OK;
}

static weir_status handshake(struct weir_tls *tls, int fd, int64_t timeout_ms, int wake_fd, weir_error *err)
{
    int64_t deadline_ms = weir_now_ms() + timeout_ms;
    for (;;) {
        ERR_clear_error();
        int rc = SSL_connect(tls->ssl);
        if (rc == 1)
            return WEIR_OK;
        int wanted = SSL_get_error(tls->ssl, rc);
        if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE)
            return weir_error_set(err, WEIR_ERR_CONNECTION, "TLS handshake failed: %s", reason(tls));
        struct pollfd fds[2] = {{.fd = fd, .events = wanted == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT},
                                {.fd = wake_fd, .events = POLLIN}};
        int64_t left_ms = deadline_ms - weir_now_ms();
        if (left_ms <= 0)
            return weir_error_set(err, WEIR_ERR_CONNECTION, "TLS handshake: no answer within the connect timeout");
        if (poll(fds, 2, (int)left_ms) > 0 && fds[1].revents)
            return weir_error_set(err, WEIR_ERR_STOPPED, "interrupted while connecting");
    }
}

weir_status weir_tls_start(struct weir_tls **ret, int fd, const char *host, const weir_connection_options *options,
                           int wake_fd, weir_error *err)
{
    struct weir_tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return weir_error_set(err, WEIR_ERR_MEMORY, "no memory for TLS");
    weir_status status = prepare(tls, fd, host, options, err);
    if (status == WEIR_OK)
        status = handshake(tls, fd, options->connect_timeout_ms, wake_fd, err);
    if (status != WEIR_OK) {
        weir_tls_free(tls);
        return status;
    }
    *ret = tls;
    return WEIR_OK;
}

/* What a read or write that returned rc means, in recv's terms. */
static ssize_t result(const struct weir_tls *tls, int rc)
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
        if (errno == 0 || errno == EAGAIN)
            errno = ECONNRESET;
        return -1;
    }
}

ssize_t weir_tls_read(struct weir_tls *tls, char *bytes, size_t len)
{
    ERR_clear_error();
    errno = 0;
    return result(tls, SSL_read(tls->ssl, bytes, (int)len));
}

/* OpenSSL writes without MSG_NOSIGNAL: a SIGPIPE of ours must not end the program. */
ssize_t weir_tls_write(struct weir_tls *tls, const char *bytes, size_t len)
{
    sigset_t pipe_set, before, pending;
    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_set, &before);

    ERR_clear_error();
    errno = 0;
    ssize_t n = result(tls, SSL_write(tls->ssl, bytes, len > 1 << 20 ? 1 << 20 : (int)len));

    int failure = errno;
    sigpending(&pending);
    if (!was_pending && sigismember(&pending, SIGPIPE) == 1) {
        struct timespec at_once = {0, 0};
        sigtimedwait(&pipe_set, NULL, &at_once);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failure;
    return n;
}

void weir_tls_free(struct weir_tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    SSL_CTX_free(tls->context);
    free(tls);
}

#else

weir_status weir_tls_start(struct weir_tls **ret, int fd, const char *host, const weir_connection_options *options,
                           int wake_fd, weir_error *err)
{
    (void)ret, (void)fd, (void)host, (void)options, (void)wake_fd;
    return weir_error_set(
        err, WEIR_ERR_UNSUPPORTED,
        "rediss:// needs a libweir that was built with a hiredis that has TLS (1.0 or later, with its "
        "ssl library)");
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

void weir_tls_free(struct weir_tls *tls)
{
    (void)tls;
}

#endif
