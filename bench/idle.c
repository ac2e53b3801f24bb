/* SPDX-License-Identifier: MIT
 *
 * weir-bench idle: what queues cost that have nothing to do.
 */
#include "subcommands.h"
#include "worker.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct activity {
    double threads, wakeups, cpu_us, commands, connections, wall_us;
};

/* The number after a name at the start of a line of /proc/…/status; 0 where it isn't there. */
static double status_number(const char *path, const char *name)
{
    char line[256];
    double value = 0;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtod(line + strlen(name), NULL);
    if (file)
        fclose(file);
    return value;
}

/* Threads of this process but for the one that measures, and how often they were woken so far. */
static void look_at_threads(struct activity *activity)
{
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks)
        die("/proc/self/task can't be read");
    char own[32], path[300];
    snprintf(own, sizeof own, "%d", (int)getpid());
    for (const struct dirent *task = readdir(tasks); task; task = readdir(tasks)) {
        if (task->d_name[0] == '.' || strcmp(task->d_name, own) == 0)
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        activity->threads++;
        activity->wakeups += status_number(path, "voluntary_ctxt_switches:");
    }
    closedir(tasks);
}

static struct activity look(struct bench *bench)
{
    struct activity activity = {.connections = bench_info(bench, "clients", "connected_clients") - 1};
    activity.commands = bench_info(bench, "stats", "total_commands_processed");
    look_at_threads(&activity);
    activity.cpu_us = cpu_self_us();
    activity.wall_us = (double)now_us();
    return activity;
}

static weir_outcome never(weir_job *job, void *user_data)
{
    (void)job;
    (void)user_data;
    return WEIR_DONE;
}

static void idle_row(struct bench *bench, size_t queues, int64_t for_us)
{
    char(*streams)[STREAM_NAME_MAX] = must_alloc(queues * sizeof *streams);
    weir_queue_options *options = must_alloc(queues * sizeof *options);
    double clients = bench_info(bench, "clients", "connected_clients") - 1;
    for (size_t i = 0; i < queues; i++) {
        bench_stream_name(bench, streams[i]);
        options[i] = worker_options(bench, streams[i], 10);
        options[i].retention = WEIR_KEEP_UNFINISHED; /* all as it usually is */
        options[i].handler = never;
    }
    weir_queue_group *group;
    weir_error err;
    must(weir_queue_group_open(&group, options, queues, &err), &err, "weir_queue_group_open");
    must(weir_queue_group_start(group, &err), &err, "weir_queue_group_start");
    pause_us(for_us / 5); /* until they have settled down */

    struct activity before = look(bench);
    pause_us(for_us);
    struct activity after = look(bench);
    double seconds = (after.wall_us - before.wall_us) / 1e6;
    const double own_commands = 2; /* INFO, twice from one look to the next */
    double commands = (after.commands - before.commands - own_commands) / seconds;
    double cpu_percent = (after.cpu_us - before.cpu_us) / seconds / 1e4;
    weir_queue_group_close(group);
    for (size_t i = 0; i < queues; i++)
        bench_drop(bench, streams[i]);
    free(streams);
    free(options);

    report_row(bench->report);
    report_number(bench->report, "queues", (double)queues);
    report_number(bench->report, "weir_cpu_percent", cpu_percent);
    report_number(bench->report, "weir_cpu_percent_a_queue", cpu_percent / (double)queues);
    report_number(bench->report, "weir_wakeups_a_second", (after.wakeups - before.wakeups) / seconds);
    report_number(bench->report, "weir_commands_a_second", commands);
    report_number(bench->report, "weir_commands_a_second_a_queue", commands / (double)queues);
    report_number(bench->report, "weir_threads", after.threads);
    report_number(bench->report, "weir_connections", after.connections - clients);
}

void idle_run(struct bench *bench)
{
    int64_t for_us = bench->options.quick ? 500000 : 20000000;
    idle_row(bench, 1, for_us);
    idle_row(bench, bench->options.quick ? 3 : 100, for_us);
    report_note(bench->report, "over %.1f s; on a server that others use, their commands and connections count, too",
                (double)for_us / 1e6);
}
