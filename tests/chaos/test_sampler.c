/* SPDX-License-Identifier: MIT
 *
 * Whether growth is seen, and noise is not taken for it.
 */
#include "dice.h"
#include "sampler.h"
#include "support/server.h"
#include "support/test.h"
#include "support/wait.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COLUMNS = 12, SAMPLES = 400 };

static char path[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/weir-samples-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

/* Samples around `base` that go up and down by as much as `noise`, but for one column, which also grows from a quarter
 * of the time on, by `growth` in all. */
static void write_samples(int base, int noise, int column, int growth)
{
    struct dice dice = dice_new(1, "samples", 0);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    fputs("a heading\n", out);
    for (int i = 0; i < SAMPLES; i++) {
        fprintf(out, "%d.0", i);
        for (int c = 0; c < COLUMNS; c++) {
            int64_t value = base + dice_between(&dice, -noise, noise);
            if (c == column && i > SAMPLES / 4)
                value += (int64_t)growth * (i - SAMPLES / 4) / (SAMPLES * 3 / 4);
            fprintf(out, "\t%lld", (long long)value);
        }
        fputc('\n', out);
    }
    fclose(out);
}

static bool is_flat(void)
{
    FILE *out = fopen("/dev/null", "we");
    bool flat = samples_judge(path, out);
    fclose(out);
    return flat;
}

static void noise_is_flat(void **state)
{
    (void)state;
    write_samples(1000, 0, 0, 0);
    assert_true(is_flat());
    write_samples(1000, 1, 0, 0);
    assert_true(is_flat());
}

static void growth_is_seen_in_each_column(void **state)
{
    (void)state;
    for (int column = 0; column < COLUMNS; column++) {
        write_samples(10000, 1, column, 10000);
        assert_false(is_flat());
    }
    enum { DESCRIPTORS = 1 };
    write_samples(20, 1, DESCRIPTORS, 12); /* few, but they never go away */
    assert_false(is_flat());
}

static void too_few_samples_prove_nothing(void **state)
{
    (void)state;
    FILE *out = fopen(path, "we");
    fputs("a heading\n1.0\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\n", out);
    fclose(out);
    assert_false(is_flat());
}

/* As a run that was killed leaves it. */
static void a_line_that_was_cut_is_no_sample(void **state)
{
    (void)state;
    write_samples(1000, 1, 0, 0);
    FILE *out = fopen(path, "ae");
    for (int i = 0; i < SAMPLES; i++)
        fputs("400.0\t9000\t9000\n", out);
    fclose(out);
    assert_true(is_flat());
}

/* A heading, and so many lines of which each has a number for every column. */
static bool has_samples(void *lines)
{
    FILE *in = fopen(path, "re");
    char line[512];
    int n = 0, tabs;
    while (in && fgets(line, sizeof line, in)) {
        tabs = 0;
        for (const char *at = line; *at; at++)
            tabs += *at == '\t';
        n += tabs == COLUMNS;
    }
    if (in)
        fclose(in);
    return n >= *(int *)lines;
}

/* Does nothing, and so doesn't grow. */
static pid_t start_idler(void)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent)
        pause();
    _exit(0);
}

static void a_process_and_a_server_are_sampled(void **state)
{
    (void)state;
    struct test_server *server = test_server_start();
    freeReplyObject(test_server_command(server, "XGROUP CREATE jobs workers 0 MKSTREAM"));
    pid_t idler = start_idler();
    struct sampler *sampler = sampler_start(path, test_server_socket(server), idler, idler, 1000);
    int lines = 1 + 8;
    bool sampled = wait_for(has_samples, &lines, TEST_TIMEOUT_MS);
    sampler_stop(sampler);
    kill(idler, SIGKILL);
    waitpid(idler, NULL, 0);
    test_server_stop(server);
    assert_true(sampled);
    assert_true(is_flat());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(noise_is_flat, set_up, tear_down),
        cmocka_unit_test_setup_teardown(growth_is_seen_in_each_column, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_few_samples_prove_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_that_was_cut_is_no_sample, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_process_and_a_server_are_sampled, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
