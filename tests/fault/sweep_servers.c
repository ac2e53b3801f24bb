/* SPDX-License-Identifier: MIT
 *
 * A job's whole life where the server has to be found first, by sentinels and in a cluster, and by TLS: each allocation
 * fails, each system call with each errno, each connection ends after each byte.
 */
#include "life.h"
#include "sweep.h"

#include "support/certificates.h"
#include "support/fleet.h"
#include "support/test.h"

#ifdef WEIR_HAVE_TLS
#include <openssl/crypto.h>
#endif

static void sweep_all(const char *title, struct life *life)
{
    sweep(title, life_with_fault, life, &(struct fault){.kind = FAULT_ALLOCATION}, sweep_most(20, 150));
    sweep_calls(title, life_with_fault, life, false, sweep_most(1, 6));
    sweep(title, life_with_fault, life, &(struct fault){.kind = FAULT_REPLY_BYTE}, sweep_most(20, 200));
    sweep(title, life_with_fault, life, &(struct fault){.kind = FAULT_REQUEST_BYTE}, sweep_most(20, 200));
}

static void behind_sentinels(void **state)
{
    (void)state;
    struct fleet fleet;
    fleet_start(&fleet, 0, 2);
    sweep_all("a life behind sentinels", &(struct life){.url = fleet.url, .server = fleet.nodes[0]});
    fleet_stop(&fleet);
}

static void in_a_cluster(void **state)
{
    (void)state;
    struct cluster cluster;
    cluster_start(&cluster, 1, false);
    sweep_all("a life in a cluster", &(struct life){.url = cluster.url, .server = cluster.nodes[0]});
    cluster_stop(&cluster);
}

/* What OpenSSL keeps for each thread's last errors. */
static void forget_errors(void)
{
#ifdef WEIR_HAVE_TLS
    OPENSSL_thread_stop();
#endif
}

static void by_tls(void **state)
{
    (void)state;
    if (!test_server_has_tls())
        skip();
    test_authority("ca");
    test_certificate("server", "ca", "IP:127.0.0.1", 1);
    const char *const arguments[] = {"--tls-cert-file",
                                     test_certificate_path("server.pem"),
                                     "--tls-key-file",
                                     test_certificate_path("server.key"),
                                     "--tls-ca-cert-file",
                                     test_certificate_path("ca.pem"),
                                     "--tls-auth-clients",
                                     "no",
                                     NULL};
    struct test_server *server = test_server_start_tls(arguments);
    sweep_all("a life by TLS", &(struct life){.url = test_server_tcp_url(server),
                                              .ca_file = test_certificate_path("ca.pem"),
                                              .server = server,
                                              .tidy = forget_errors});
    test_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behind_sentinels),
        cmocka_unit_test(in_a_cluster),
        cmocka_unit_test(by_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
