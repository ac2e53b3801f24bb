/* SPDX-License-Identifier: MIT
 *
 * What the access lists of docs/security.md have for sentinels, clusters, and some options: as access.c.
 *
 *     access_more PAGE
 */
#include "support/fleet.h"

#include "access_lists.h"

#include <stdio.h>
#include <string.h>

/* --- more than one server --- */

static weir_status produce_at(const char *url)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = EMAILS;
    weir_producer *producer = NULL;
    weir_status status = weir_producer_open(&producer, &options, &last_error);
    if (status == WEIR_OK)
        status = enqueue(producer, NULL, 0, 0);
    weir_producer_close(producer);
    return status;
}

/* The URL with another user. */
static void with_user(const char *url, char out[FLEET_URL_SIZE])
{
    const char *login = strstr(url, TEST_LOGIN);
    snprintf(out, FLEET_URL_SIZE, "%.*su:secret@%s", (int)(login - url), url, login + strlen(TEST_LOGIN));
}

static void behind_sentinels_the_role_is_asked_for(void **state)
{
    (void)state;
    struct fleet fleet;
    char url[FLEET_URL_SIZE];
    fleet_start(&fleet, 0, 1);
    with_user(fleet.url, url);
    struct list list = {.n = 0};
    add_block(&list, "producer");
    allow(fleet.nodes[0], &list, NULL);
    assert_int_equal(produce_at(url), WEIR_ERR_PERMISSION);
    expect_missed(&list, "+role", WEIR_ERR_PERMISSION);
    add_block(&list, "sentinel");
    allow(fleet.nodes[0], &list, NULL);
    assert_int_equal(produce_at(url), WEIR_OK);
    fleet_stop(&fleet);
}

/* In the middle of a move, where commands are sent on by ASK. */
static void in_a_cluster_more_is_needed_on_every_node(void **state)
{
    (void)state;
    struct cluster cluster;
    char url[FLEET_URL_SIZE];
    cluster_start(&cluster, 3, false);
    with_user(cluster.url, url);
    struct list list = {.n = 0}, more = {.n = 0};
    add_block(&list, "producer");
    add_block(&list, "cluster");
    add_block(&more, "cluster");
    int slot = cluster_slot(&cluster, EMAILS), from = cluster_owner(&cluster, slot);
    cluster_begin_move(&cluster, slot, from, (from + 1) % cluster.n_primaries);
    for (size_t i = 0; i <= more.n; i++) {
        for (int node = 0; node < cluster.n_nodes; node++)
            allow(cluster.nodes[node], &list, i < more.n ? more.tokens[i] : NULL);
        weir_status status = produce_at(url);
        if (i < more.n)
            expect_missed(&list, more.tokens[i], status);
        else
            assert_int_equal(status, WEIR_OK);
    }
    cluster_stop(&cluster);
}

/* --- other options --- */

static weir_status produce_and_wait(struct scene *scene)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = user_url(scene);
    options.stream = EMAILS;
    options.wait_replicas = 1;
    options.wait_ms = 1;
    weir_producer *producer = NULL;
    weir_status status = weir_producer_open(&producer, &options, &last_error);
    if (status == WEIR_OK) {
        status = enqueue(producer, NULL, 0, 0);
        status = status == WEIR_ERR_IN_DOUBT ? WEIR_OK : status; /* there are no replicas */
    }
    weir_producer_close(producer);
    return status;
}

static void waiting_needs_what_is_said(void **state)
{
    struct scene *scene = *state;
    struct list list = {.n = 0};
    add_block(&list, "producer");
    add_block(&list, "producer waits");
    expect_each_missed(scene, &list, produce_and_wait);
}

static weir_status produce_in_another_database(struct scene *scene)
{
    char url[256];
    snprintf(url, sizeof url, "%s?db=1", user_url(scene));
    return produce_at(url);
}

static void another_database_needs_what_is_said(void **state)
{
    struct scene *scene = *state;
    struct list list = {.n = 0};
    add_block(&list, "producer");
    add_block(&list, "database");
    expect_each_missed(scene, &list, produce_in_another_database);
}

static int run_all(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behind_sentinels_the_role_is_asked_for),
        cmocka_unit_test(in_a_cluster_more_is_needed_on_every_node),
        SCENE_TEST(waiting_needs_what_is_said),
        SCENE_TEST(another_database_needs_what_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return access_run(argc, argv, run_all);
}
