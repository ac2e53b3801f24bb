/* SPDX-License-Identifier: MIT
 *
 * A producer process: threads that share one weir_producer and enqueue in every way there is, until it is told to end.
 *
 * Each call of an enqueue has a name of its own for each job, also where it repeats one whose outcome is in doubt: what
 * came of it is then known for every single call. The job's id is the same in the repetition, as a program would do it.
 */
#include "dice.h"
#include "role.h"
#include "support/wait.h"
#include "writer.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    THREADS = 2,
    BULK_MAX = 300,
    PAD_MAX = 64 * 1024,
    FAR_MS = 3600000,  /* after the load's end: later than the run's */
    WINDOW_MS = 20000, /* longer than all repeats take */
    REPEATS = 3,
    STUCK_MS = 60000, /* longer than any call takes */
};

struct draft {
    char name[32], doing[48], id[40]; /* id: empty for none */
    char before[32];                  /* the name of the idempotent call that this one repeats, or empty */
    int64_t delay_ms, idempotency_ms;
    size_t pad_len;
    weir_field items[3];
    weir_fields fields;
    weir_enqueue_options options;
};

struct caller {
    const struct chaos_role *role;
    weir_producer *producer;
    struct dice dice;
    int thread;
    long n; /* calls so far, for names */
    struct draft drafts[BULK_MAX];
    weir_enqueue_job jobs[BULK_MAX];
    weir_enqueue_result results[BULK_MAX];
};

static _Atomic bool ending;
static char pad[PAD_MAX];

static void draw_doing(struct caller *caller, struct draft *draft)
{
    static const int weights[] = {800, 60, 30, 15, 25, 40, 3};
    enum { QUICK, RETRY, LATER, FAIL, REJECT, SLOW, LONG };
    struct dice *dice = &caller->dice;
    int64_t min_idle_ms = caller->role->config.min_idle_ms;
    int fails = (int)dice_between(dice, 1, 2), ms = (int)dice_between(dice, 0, 5);
    int slow_ms = (int)dice_between(dice, 20, 400), long_ms = (int)dice_between(dice, min_idle_ms, 2 * min_idle_ms);
    size_t size = sizeof draft->doing;
    switch (dice_weighted(dice, weights, sizeof weights / sizeof *weights)) {
    case QUICK:
        snprintf(draft->doing, size, "done %d", ms);
        break;
    case RETRY:
        snprintf(draft->doing, size, "retry %d %d", fails, ms);
        break;
    case LATER:
        snprintf(draft->doing, size, "later %d %d", fails - 1, slow_ms);
        break;
    case FAIL:
        snprintf(draft->doing, size, "fail");
        break;
    case REJECT:
        snprintf(draft->doing, size, "reject");
        break;
    case SLOW:
        snprintf(draft->doing, size, "done %d", slow_ms);
        break;
    case LONG: /* longer than a lease, shorter than max_run_ms */
        snprintf(draft->doing, size, "done %d", long_ms);
        break;
    }
}

static void name_draft(struct caller *caller, struct draft *draft)
{
    const struct chaos_role *role = caller->role;
    snprintf(draft->name, sizeof draft->name, "p%d.%d-%d-%ld", role->number, role->life, caller->thread, ++caller->n);
}

static void draw_draft(struct caller *caller, struct draft *draft)
{
    struct dice *dice = &caller->dice;
    draw_doing(caller, draft);
    draft->pad_len = dice_chance(dice, 3) ? (size_t)dice_between(dice, 1, PAD_MAX) : 0;
    const struct chaos_config *config = &caller->role->config;
    bool far = dice_chance(dice, 3) && !config->calm;
    int64_t delay_ms = far ? config->load_ms + FAR_MS : dice_between(dice, 1, 3000);
    draft->delay_ms = dice_chance(dice, 12) ? delay_ms : 0;
    name_draft(caller, draft);
    bool own_id = dice_chance(dice, 20);
    bool idempotent = dice_chance(dice, 50);
    snprintf(draft->id, sizeof draft->id, "%s%s", own_id ? "id-" : "", own_id ? draft->name : "");
    draft->idempotency_ms = own_id && idempotent ? WINDOW_MS : 0;
    draft->before[0] = '\0';
}

static void make_job(struct draft *draft, weir_enqueue_job *job)
{
    draft->items[0] = weir_field_text("n", draft->name);
    draft->items[1] = weir_field_text("do", draft->doing);
    draft->items[2] = (weir_field){"pad", 3, pad, draft->pad_len};
    draft->fields = (weir_fields){draft->items, draft->pad_len > 0 ? 3 : 2};
    draft->options = (weir_enqueue_options)WEIR_ENQUEUE_OPTIONS_INIT;
    draft->options.id = draft->id[0] ? draft->id : NULL;
    draft->options.delay_ms = draft->delay_ms;
    draft->options.idempotency_ms = draft->idempotency_ms;
    *job = (weir_enqueue_job){&draft->fields, &draft->options};
}

/* Enqueues the drafts, one or a bulk, with what was meant and what came of it in the history. */
static void send(struct caller *caller, size_t n)
{
    struct history_lines before = {0}, after = {0};
    for (size_t i = 0; i < n; i++) {
        make_job(&caller->drafts[i], &caller->jobs[i]);
        const struct draft *draft = &caller->drafts[i];
        history_add(&before, "intent %s %lld %s", draft->name, (long long)draft->delay_ms, draft->doing);
        if (draft->before[0])
            history_add(&before, "again %s %s", draft->name, draft->before);
    }
    history_flush(&before);
    weir_error err;
    if (n == 1 && caller->drafts[0].idempotency_ms == 0) /* a bulk of one tells whether it was a duplicate */
        caller->results[0].status = weir_enqueue(caller->producer, caller->jobs[0].fields, caller->jobs[0].options,
                                                 &caller->results[0].id, &err);
    else
        weir_enqueue_bulk(caller->producer, caller->jobs, n, caller->results, &err);
    for (size_t i = 0; i < n; i++) {
        const weir_enqueue_result *result = &caller->results[i];
        const char *name = caller->drafts[i].name;
        if (result->status == WEIR_OK && caller->drafts[i].idempotency_ms > 0 && result->duplicate)
            history_add(&after, "duplicate %s", name);
        else if (result->status == WEIR_OK)
            history_add(&after, "accepted %s %s", name, result->id.text);
        else if (result->status == WEIR_ERR_IN_DOUBT)
            history_add(&after, "doubt %s", name);
        else
            history_add(&after, "refused %s %s", name, weir_status_name(result->status));
    }
    history_flush(&after);
}

/* Keeps the drafts that may be repeated, under new names; returns how many. */
static size_t keep_doubtful(struct caller *caller, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        weir_status status = caller->results[i].status;
        if (status != WEIR_ERR_IN_DOUBT && status != WEIR_ERR_CONNECTION)
            continue;
        struct draft *draft = &caller->drafts[kept++];
        *draft = caller->drafts[i];
        if (draft->idempotency_ms > 0)
            memcpy(draft->before, draft->name, sizeof draft->before);
        name_draft(caller, draft);
    }
    return kept;
}

static void *call(void *argument)
{
    struct caller *caller = argument;
    struct dice *dice = &caller->dice;
    while (!ending) {
        size_t n = dice_chance(dice, 5) ? (size_t)dice_between(dice, 2, dice_chance(dice, 20) ? BULK_MAX : 30) : 1;
        for (size_t i = 0; i < n; i++)
            draw_draft(caller, &caller->drafts[i]);
        bool repeats = dice_chance(dice, 70);
        int pause_ms = (int)dice_between(dice, 10, 80);
        for (int i = 0; n > 0 && i < REPEATS && !ending; i++) {
            send(caller, n);
            n = repeats ? keep_doubtful(caller, n) : 0;
            if (n > 0)
                poll(NULL, 0, 20);
        }
        poll(NULL, 0, pause_ms);
    }
    return NULL;
}

static bool open_producer(const struct chaos_role *role, weir_producer **ret)
{
    weir_producer_options options = chaos_producer_options(&role->config, role->url);
    weir_error err;
    while (weir_producer_open(ret, &options, &err) != WEIR_OK)
        if (chaos_wait_for_end(20))
            return false;
    return true;
}

int chaos_producer(const struct chaos_role *role)
{
    char who[16];
    snprintf(who, sizeof who, "p%d.%d", role->number, role->life);
    history_open(role->directory, who);
    memset(pad, 'x', sizeof pad);
    weir_producer *producer = NULL;
    if (!open_producer(role, &producer))
        return EXIT_CLEAN;
    history_say("ready");

    struct caller *callers = calloc(THREADS, sizeof *callers);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        if (!callers)
            test_die("no memory for callers");
        callers[i].role = role;
        callers[i].producer = producer;
        callers[i].thread = i;
        callers[i].dice = dice_new(role->config.seed, "producer",
                                   (uint64_t)role->number << 32 | (uint64_t)role->life << 8 | (uint64_t)i);
        if (pthread_create(&threads[i], NULL, call, &callers[i]) != 0)
            test_die("no thread for a caller");
    }
    while (!chaos_wait_for_end(STUCK_MS))
        ;
    ending = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    weir_producer_close(producer);
    free(callers);
    return EXIT_CLEAN;
}
