/* SPDX-License-Identifier: MIT */
#include "outage.h"

#include <string.h>

struct outage outage_begin(struct scene *scene)
{
    return (struct outage){test_now_ms(), process_cpu_ms(), recorder_count(scene->log)};
}

void outage_was_cheap(struct outage outage)
{
    int64_t wall_ms = test_now_ms() - outage.from_ms, cpu_ms = process_cpu_ms() - outage.cpu_ms;
    print_message("    %lld ms of CPU in %lld ms\n", (long long)cpu_ms, (long long)wall_ms);
    assert_true(wall_ms >= 500);
    if (!SANITIZED)
        assert_true(cpu_ms * 100 < CPU_PERCENT * wall_ms);
}

void outage_nothing_works_yet(struct scene *scene, struct outage outage)
{
    for (size_t i = outage.lines; i < recorder_count(scene->log); i++)
        if (strstr(recorder_get(scene->log, i).key, "works again"))
            fail_msg("during the outage: %s", recorder_get(scene->log, i).key);
}

void outage_log_was_short(struct scene *scene, struct outage outage, size_t most)
{
    size_t n = recorder_count(scene->log) - outage.lines;
    print_message("    %zu lines of log\n", n);
    if (n <= most)
        return;
    for (size_t i = 0; i < n && i < 30; i++)
        print_message("    %s\n", recorder_get(scene->log, outage.lines + i).key);
    fail_msg("%zu lines of log; %zu are allowed", n, most);
}

int64_t latency_of_a_job(struct scene *scene, int64_t since_ms)
{
    static atomic_int last;
    char name[32];
    snprintf(name, sizeof name, "probe %d", ++last);
    scene_add(scene, name);
    scene_await_ran(scene, name, 1);
    return recorder_get_key(scene->ran, name, 0).at_ms - since_ms;
}

int64_t outage_resume(struct scene *scene, int64_t moment_ms)
{
    int64_t worst_ms = latency_of_a_job(scene, moment_ms);
    for (int i = 0; i < 4; i++) {
        let_pass(50);
        int64_t took_ms = latency_of_a_job(scene, test_now_ms());
        worst_ms = took_ms > worst_ms ? took_ms : worst_ms;
    }
    return worst_ms;
}

void outage_prepare(struct scene *scene)
{
    scene_start(scene);
    latency_of_a_job(scene, 0);
    scene_await_pending(scene, 0);
    scene_await_connected(scene);
}

void outage_is_over(struct scene *scene)
{
    scene_await_pending(scene, 0);
    scene_await_connected(scene);
}
