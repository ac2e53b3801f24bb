/* SPDX-License-Identifier: MIT */
#include "stage.h"

#include "support/wait.h"
#include "writer.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

/* --- the server --- */

static void command(struct stage *stage, const char *words)
{
    freeReplyObject(test_server_command(stage->server, words));
}

/* The server hangs from now on. The answer is for fault_end to read. */
static void begin_sleep(struct stage *stage, int64_t ms)
{
    stage->sleeping = redisConnectUnix(test_server_socket(stage->server));
    int done = 0;
    if (!stage->sleeping || stage->sleeping->err ||
        redisAppendCommand(stage->sleeping, "DEBUG SLEEP %d.%03d", (int)(ms / 1000), (int)(ms % 1000)) != REDIS_OK)
        test_die("DEBUG SLEEP can't be sent");
    while (!done)
        if (redisBufferWrite(stage->sleeping, &done) != REDIS_OK)
            test_die("DEBUG SLEEP can't be sent: %s", stage->sleeping->errstr);
}

static void end_sleep(struct stage *stage)
{
    redisReply *reply = NULL;
    redisGetReply(stage->sleeping, (void **)&reply);
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        test_die("DEBUG SLEEP: %s", reply ? reply->str : stage->sleeping->errstr);
    freeReplyObject(reply);
    redisFree(stage->sleeping);
    stage->sleeping = NULL;
}

static void pause_clients(struct stage *stage, const struct fault *fault, const char *mode)
{
    freeReplyObject(test_server_command(stage->server, "CLIENT PAUSE %lld %s", (long long)fault->length_ms, mode));
}

/* --- the paths --- */

static size_t paths_of(struct stage *stage, const struct fault *fault, struct test_proxy **paths)
{
    size_t n = 0;
    if (fault->target == PATH_PRODUCERS)
        paths[n++] = stage->producer_path;
    for (int i = 0; i < stage->config.workers; i++)
        if (fault->target == PATH_ALL_WORKERS || fault->target == i)
            paths[n++] = stage->worker_paths[i];
    return n;
}

static void disturb_path(struct test_proxy *path, const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_SLOW:
        test_proxy_delay(path, fault->directions, (int)fault->amount);
        break;
    case FAULT_CUT:
        test_proxy_cut(path);
        break;
    case FAULT_CUT_AFTER:
        test_proxy_cut_after(path, (enum test_proxy_direction)fault->directions, (size_t)fault->amount);
        break;
    case FAULT_HALF_OPEN:
        test_proxy_forsake(path);
        break;
    case FAULT_BLACK_HOLE:
    case FAULT_ONE_WAY:
        test_proxy_black_hole(path, fault->directions);
        break;
    case FAULT_TRICKLE:
        test_proxy_trickle(path, fault->directions, (int)fault->amount);
        break;
    case FAULT_REFUSE:
        test_proxy_refuse(path, true);
        test_proxy_cut(path);
        break;
    case FAULT_MUTE:
        test_proxy_mute(path, true);
        test_proxy_cut(path);
        break;
    default:
        break;
    }
}

/* --- processes --- */

static struct child *child_of(struct stage *stage, const struct fault *fault)
{
    bool producer = fault->kind == FAULT_KILL_PRODUCER || fault->kind == FAULT_STOP_PRODUCER;
    return children_find(&stage->children, producer ? 'p' : 'w', fault->target);
}

static void add_toxic(struct stage *stage, const struct fault *fault)
{
    static const char *const doings[] = {"crash", "exit", "hang", "bad", "done", "odd"};
    feeder_add_toxic(stage->feeder, doings[fault->kind - FAULT_TOXIC_CRASH], (size_t)fault->amount);
}

/* --- any fault --- */

static void say(const struct stage *stage, const struct fault *fault, const char *what)
{
    char target[16];
    fault_target_name(fault, target);
    history_say("fault %d %s %s %s", fault->no, what, fault_text(fault->kind), target);
    if (stage->verbose)
        printf("%10.3f s  %-5s %3d. %s %s\n", (double)(history_now_us() - stage->began_us) / 1e6, what, fault->no,
               fault_text(fault->kind), target);
}

static void inflict(struct stage *stage, const struct fault *fault)
{
    struct test_proxy *paths[CHAOS_WORKERS_MAX + 1];
    switch (fault->kind) {
    case FAULT_REDIS_KILL:
        test_server_kill(stage->server);
        break;
    case FAULT_REDIS_STOP:
        test_server_pause(stage->server);
        break;
    case FAULT_DEBUG_SLEEP:
        begin_sleep(stage, fault->length_ms);
        break;
    case FAULT_CLIENT_KILL:
        command(stage, "CLIENT KILL TYPE normal SKIPME yes");
        break;
    case FAULT_CLIENT_PAUSE:
        pause_clients(stage, fault, "ALL");
        break;
    case FAULT_CLIENT_PAUSE_WRITE:
        pause_clients(stage, fault, "WRITE");
        break;
    case FAULT_SCRIPT_FLUSH:
        command(stage, "SCRIPT FLUSH");
        break;
    case FAULT_KILL_WORKER:
    case FAULT_KILL_PRODUCER:
        child_end(&stage->children, child_of(stage, fault), SIGKILL, fault->amount);
        break;
    case FAULT_TERM_WORKER:
        child_end(&stage->children, child_of(stage, fault), SIGTERM, fault->amount);
        break;
    case FAULT_STOP_WORKER:
    case FAULT_STOP_PRODUCER:
        child_stop(&stage->children, child_of(stage, fault));
        break;
    case FAULT_CLOCK_JUMP:
        stage->page->wall_offset_ms[fault->target] = fault->amount * 1000;
        break;
    default:
        if (fault_lane(fault->kind) == LANE_TOXIC)
            add_toxic(stage, fault);
        else
            for (size_t i = paths_of(stage, fault, paths); i-- > 0;)
                disturb_path(paths[i], fault);
    }
}

bool fault_begin(struct stage *stage, const struct fault *fault)
{
    say(stage, fault, "begin");
    inflict(stage, fault);
    if (fault->length_ms > 0 || fault->kind == FAULT_REDIS_KILL)
        return true;
    say(stage, fault, "end");
    return false;
}

void fault_end(struct stage *stage, const struct fault *fault)
{
    struct test_proxy *paths[CHAOS_WORKERS_MAX + 1];
    switch (fault->kind) {
    case FAULT_REDIS_KILL:
        test_server_restart(stage->server);
        break;
    case FAULT_REDIS_STOP:
        test_server_resume(stage->server);
        break;
    case FAULT_DEBUG_SLEEP:
        end_sleep(stage);
        break;
    case FAULT_STOP_WORKER:
    case FAULT_STOP_PRODUCER:
        child_continue(child_of(stage, fault));
        break;
    default:
        if (fault_lane(fault->kind) == LANE_NETWORK)
            for (size_t i = paths_of(stage, fault, paths); i-- > 0;)
                test_proxy_heal(paths[i]);
    }
    if (fault_lane(fault->kind) == LANE_SERVER)
        command(stage, "PING"); /* answered once it can serve */
    say(stage, fault, "end");
}

void faults_play(struct stage *stage, const struct fault *faults, size_t n)
{
    struct lane {
        size_t next;                /* of the plan */
        const struct fault *active; /* or NULL */
        int64_t end_ms;
    } lanes[N_LANES] = {0};

    int64_t began_ms = test_now_ms(), elapsed_ms;
    bool over, quiet = false;
    for (; !quiet; poll(NULL, 0, 2)) {
        elapsed_ms = test_now_ms() - began_ms;
        over = elapsed_ms >= stage->config.load_ms;
        quiet = over;
        for (int i = 0; i < N_LANES; i++) {
            struct lane *lane = &lanes[i];
            if (lane->active && (elapsed_ms >= lane->end_ms || over)) {
                fault_end(stage, lane->active);
                lane->active = NULL;
            }
            while (lane->next < n && (int)fault_lane(faults[lane->next].kind) != i)
                lane->next++;
            if (lane->active || over || lane->next == n || faults[lane->next].at_ms > elapsed_ms)
                continue;
            const struct fault *fault = &faults[lane->next++];
            if (fault_begin(stage, fault))
                lane->active = fault;
            lane->end_ms = test_now_ms() - began_ms + fault->length_ms;
        }
        children_tend(&stage->children);
    }
}
