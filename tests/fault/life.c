/* SPDX-License-Identifier: MIT */
#include "life.h"

#include "sweep.h"

#include "support/process.h"
#include "support/test.h"
#include "support/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE = 12, NEVER_MS = 3600000 };

/* What happens to each job, run by run. */
static const struct plan {
    const char *name;
    int64_t delay_ms;
    bool own_id;
    enum weir_verdict verdicts[3];
} plans[LIFE_JOBS] = {
    {"done", 0, false, {WEIR_VERDICT_ACK}},
    {"named", 0, true, {WEIR_VERDICT_ACK}},
    {"retried", 0, false, {WEIR_VERDICT_RETRY, WEIR_VERDICT_ACK}},
    {"released", 0, true, {WEIR_VERDICT_RELEASE, WEIR_VERDICT_ACK}},
    {"buried", 0, false, {WEIR_VERDICT_BURY}},
    {"delayed", 1, false, {WEIR_VERDICT_ACK}},
    {"delayed and named", 1, true, {WEIR_VERDICT_RETRY, WEIR_VERDICT_ACK}},
};

static void expect(bool good, const char *what, const weir_error *err)
{
    if (!good)
        fault_off(NULL);
    if (!good)
        fail_msg("%s: %s: %s %s", sweep_point(), what, err ? weir_status_name(err->code) : "", err ? err->message : "");
}

/* What every failure promises. */
static void expect_words(weir_status status, const weir_error *err)
{
    expect(status == err->code && err->message[0] != '\0' && strlen(err->message) < sizeof err->message,
           "a failure without words", err);
}

/* --- opening: what fails leaves nothing, and works the next time --- */

void life_open(struct life *life)
{
    struct weir_broker_config config = {
        .url = life->url,
        .stream = "jobs",
        .group = "g",
        .consumer = "c",
        .start_id = "0",
        .retention = life->retention,
        .connection = WEIR_CONNECTION_OPTIONS_INIT(test_scaled_ms(20000)),
    };
    config.connection.tls_ca_file = life->ca_file;
    weir_error err = {.code = WEIR_OK};
    for (int i = 0; !life->broker; i++) {
        weir_status status = weir_broker_open(&life->broker, &config, &err);
        if (status == WEIR_OK)
            break;
        expect_words(status, &err);
        expect(!life->broker && i < PATIENCE, "no broker", &err);
    }
    for (int i = 0; !life->session; i++) {
        weir_status status = life->broker->ops->session_open(&life->session, life->broker, "life", &err);
        if (status == WEIR_OK)
            break;
        expect_words(status, &err);
        expect(!life->session && i < PATIENCE, "no session", &err);
    }
}

void life_close(struct life *life)
{
    life->broker->ops->session_close(life->session);
    life->broker->ops->close(life->broker);
    life->session = NULL;
    life->broker = NULL;
}

/* A refusal leaves nothing in doubt; a lost connection is none. */
static bool is_explained(const struct life *life, weir_status status)
{
    if (life->refused)
        return status == WEIR_ERR_CONNECTION || status == WEIR_ERR_AUTH || status == WEIR_ERR_PERMISSION ||
               status == WEIR_ERR_FULL || status == WEIR_ERR_UNAVAILABLE || status == WEIR_ERR_SERVER ||
               status == WEIR_ERR_UNSUPPORTED || status == WEIR_ERR_NO_GROUP;
    if (life->ca_file && status == WEIR_ERR_ARGUMENT)
        return true; /* OpenSSL doesn't always say that it had no memory to read the file */
    return status == WEIR_ERR_CONNECTION || status == WEIR_ERR_IN_DOUBT || status == WEIR_ERR_MEMORY ||
           status == WEIR_ERR_PROTOCOL || status == WEIR_ERR_SYSTEM;
}

/* Whether the operation came out well; else its failure is one that may be, and the connection is there again. */
static bool fine(struct life *life, weir_status status, const weir_error *err)
{
    const struct weir_broker_ops *ops = life->session->ops;
    if (status == WEIR_OK)
        return true;
    expect_words(status, err);
    expect(is_explained(life, status), "a failure that a fault does not explain", err);
    weir_error again = {.code = WEIR_OK};
    for (int i = 0; ops->connect(life->session, &again) != WEIR_OK; i++) {
        expect_words(again.code, &again);
        expect(i < PATIENCE, "no connection", &again);
    }
    return false;
}

/* Runs `operation` (an expression for a status that uses err) until it came out well. */
#define INSIST(life, operation)                                                                                        \
    for (int tries_ = 0;; tries_++) {                                                                                  \
        weir_error err = {.code = WEIR_OK};                                                                            \
        weir_status status_ = (operation);                                                                             \
        if (fine((life), status_, &err))                                                                               \
            break;                                                                                                     \
        expect(tries_ < PATIENCE, #operation, &err);                                                                   \
    }

/* --- enqueueing --- */

static void enqueue(struct life *life)
{
    const struct weir_broker_ops *ops = life->session->ops;
    weir_field fields[LIFE_JOBS];
    weir_fields lists[LIFE_JOBS];
    weir_enqueue_options options[LIFE_JOBS];
    struct weir_broker_add adds[LIFE_JOBS];
    for (size_t tries = 0, n = LIFE_JOBS; n > 0; tries++) {
        size_t which[LIFE_JOBS];
        n = 0;
        for (size_t i = 0; i < LIFE_JOBS; i++) {
            if (life->accepted[i] || life->in_doubt[i])
                continue;
            fields[n] = weir_field_text("name", plans[i].name);
            lists[n] = (weir_fields){&fields[n], 1};
            options[n] = (weir_enqueue_options)WEIR_ENQUEUE_OPTIONS_INIT;
            options[n].delay_ms = plans[i].delay_ms;
            options[n].id = plans[i].own_id ? plans[i].name : NULL;
            adds[n] = (struct weir_broker_add){.fields = &lists[n], .options = &options[n]};
            which[n++] = i;
        }
        if (n == 0)
            return;
        weir_error err = {.code = WEIR_OK};
        weir_status status = ops->add(life->session, adds, n, &err);
        for (size_t i = 0; i < n; i++) {
            life->accepted[which[i]] = adds[i].status == WEIR_OK;
            life->in_doubt[which[i]] = adds[i].status == WEIR_ERR_IN_DOUBT;
            expect((adds[i].status == WEIR_OK) == (adds[i].id.text[0] != '\0'), "an id without a job", &err);
        }
        fine(life, status, &err);
        expect(tries < PATIENCE, "can't be enqueued", &err);
    }
}

/* --- running --- */

static size_t plan_of(const struct weir_job *job)
{
    const char *name = weir_job_field(job, "name", NULL);
    for (size_t i = 0; name && i < LIFE_JOBS; i++)
        if (strcmp(plans[i].name, name) == 0)
            return i;
    expect(false, "a job that nobody enqueued", NULL);
    return 0;
}

/* Gives each job of the batch its verdict, and insists on it. */
static void settle(struct life *life, struct weir_batch *batch)
{
    const struct weir_broker_ops *ops = life->session->ops;
    for (size_t i = 0; i < batch->n; i++) {
        struct weir_job *job = &batch->jobs[i];
        size_t plan = plan_of(job), run = life->runs[plan];
        job->verdict = WEIR_VERDICT_ACK;
        if (run < 3 && plans[plan].verdicts[run] != WEIR_VERDICT_NONE)
            job->verdict = plans[plan].verdicts[run];
        job->reason = WEIR_DEAD_REJECTED;
        job->attempts += job->verdict == WEIR_VERDICT_RETRY;
        weir_job_set_error(job, "as planned");
        job->next = i + 1 < batch->n ? job + 1 : NULL;
        life->runs[plan]++;
    }
    if (batch->n == 0)
        return;
    INSIST(life, ops->settle(life->session, batch->jobs, &err));
    for (size_t i = 0; i < batch->n; i++)
        expect(batch->jobs[i].settled != WEIR_UNSETTLED, "not settled", NULL);
}

static struct weir_batch *new_batch(void)
{
    struct weir_batch *batch = NULL;
    for (int i = 0; !batch; i++) {
        batch = weir_batch_new(0);
        expect(batch || i < PATIENCE, "no batch", NULL);
    }
    return batch;
}

static bool in_flight(void *context, struct weir_entry_id entry)
{
    (void)context, (void)entry;
    return false;
}

static size_t read_new(struct life *life)
{
    const struct weir_broker_ops *ops = life->session->ops;
    struct weir_batch *batch = new_batch();
    weir_error words = {.code = WEIR_OK};
    weir_status status = ops->read_submit(life->session, 100, 0, &words);
    if (status == WEIR_OK)
        status = ops->read_collect(life->session, batch, &words);
    size_t n = 1; /* what failed may have delivered */
    if (fine(life, status, &words)) {
        n = batch->n;
        settle(life, batch);
    } else {
        ops->disconnect(life->session); /* with what is outstanding */
        INSIST(life, ops->connect(life->session, &err));
    }
    weir_batch_free(batch);
    return n;
}

static size_t claim_all(struct life *life)
{
    const struct weir_broker_ops *ops = life->session->ops;
    struct weir_batch *batch = new_batch();
    struct weir_entry_id cursor = {0, 0};
    weir_error words = {.code = WEIR_OK};
    size_t n = 1;
    if (fine(life, ops->claim(life->session, &cursor, 0, 100, batch, &words), &words)) {
        n = batch->n;
        struct weir_entry_id entries[2 * LIFE_JOBS];
        enum weir_lease leases[2 * LIFE_JOBS];
        expect(n <= 2 * LIFE_JOBS, "more jobs than there are", NULL);
        for (size_t i = 0; i < n; i++)
            entries[i] = batch->jobs[i].entry;
        INSIST(life, ops->renew(life->session, entries, n, leases, &err));
        settle(life, batch);
    }
    expect(cursor.ms == 0, "the cursor was moved", NULL);
    weir_batch_free(batch);
    return n;
}

static size_t recover_all(struct life *life)
{
    const struct weir_broker_ops *ops = life->session->ops;
    struct weir_batch *batch = new_batch();
    struct weir_entry_id after = {0, 0};
    weir_error words = {.code = WEIR_OK};
    bool more = false;
    size_t n = 1;
    if (fine(life, ops->recover(life->session, &after, 100, true, INT64_MAX, in_flight, NULL, batch, &more, &words),
             &words)) {
        n = batch->n;
        settle(life, batch);
    }
    weir_batch_free(batch);
    return n;
}

/* Runs all there is, delayed jobs as well, until nothing is left. */
static void work(struct life *life)
{
    const struct weir_broker_ops *ops = life->session->ops;
    size_t found = 1;
    int64_t next_ms = 0;
    for (int round = 0; found > 0 || next_ms >= 0; round++) {
        size_t moved = 0;
        found = 0;
        INSIST(life, ops->promote(life->session, 100, &moved, &next_ms, &err));
        found += read_new(life);
        found += claim_all(life);
        found += recover_all(life);
        expect(round < 5000, "no end of it", NULL); /* delays are 1 ms: most rounds wait for them */
    }
}

/* --- dead letters --- */

static int note_letter(const weir_dead_letter *letter, void *user_data)
{
    struct life *life = user_data;
    expect(life->n_letters < LIFE_JOBS && letter->reason == WEIR_DEAD_REJECTED && strcmp(letter->group, "g") == 0 &&
               letter->fields.n == 1,
           "another letter than was written", NULL);
    weir_entry_id_parse(letter->id, strlen(letter->id), &life->letters[life->n_letters++]);
    return 0;
}

static void list_letters(struct life *life)
{
    const struct weir_broker_ops *ops = life->session->ops;
    INSIST(life, (life->n_letters = 0, (struct weir_entry_id){0, 0}.ms) == 0
                     ? ops->dead_list(life->session, &(struct weir_entry_id){0, 0}, 10, note_letter, life, &(size_t){0},
                                      &(bool){false}, &err)
                     : WEIR_OK);
}

static void tend_letters(struct life *life)
{
    const struct weir_broker_ops *ops = life->session->ops;
    uint64_t n = 77;
    list_letters(life);
    INSIST(life, ops->dead_count(life->session, &n, &err));
    expect(n == life->n_letters, "another count", NULL);
    size_t listed = life->n_letters;
    for (size_t i = 0; i < listed; i++) {
        struct weir_entry_id id = life->letters[i];
        INSIST(life, (life->n_letters = 0) == 0 ? ops->dead_get(life->session, id, note_letter, life, &err) : WEIR_OK);
        for (int tries = 0; tries < PATIENCE; tries++) { /* one whose answer was lost is not there any more */
            weir_error err = {.code = WEIR_OK};
            weir_status status = ops->dead_requeue(life->session, id, &err);
            if (status == WEIR_ERR_NOT_FOUND && tries > 0)
                break;
            if (fine(life, status, &err))
                break;
        }
    }
    work(life);
    INSIST(life, ops->dead_purge(life->session, &n, &err));
    list_letters(life);
    expect(life->n_letters == 0, "letters are left", NULL);
}

/* --- the whole --- */

static void live(struct life *life)
{
    const struct weir_broker_ops *ops;
    bool created = false;
    size_t n;
    life_open(life);
    ops = life->session->ops;
    INSIST(life, ops->connect(life->session, &err));
    INSIST(life, ops->create_group(life->session, "0", &created, &err));
    INSIST(life, ops->probe(life->session, &err));
    enqueue(life);
    work(life);
    tend_letters(life);
    INSIST(life, ops->trim(life->session, 0, 1000, &n, &err));
    INSIST(life, ops->reap(life->session, NEVER_MS, &n, &err));
    INSIST(life, ops->leave(life->session, &err));
    life_close(life);
}

/* Each accepted job ran, and nothing is left. */
static void expect_all_done(struct life *life)
{
    for (size_t i = 0; i < LIFE_JOBS; i++) {
        expect(life->accepted[i] || life->in_doubt[i], "neither accepted nor in doubt", NULL);
        expect(!life->accepted[i] || life->runs[i] > 0, plans[i].name, NULL);
    }
    if (!life->server)
        return;
    long long left = test_server_integer(life->server, "EXISTS {jobs}:delayed {jobs}:delayed:jobs");
    expect(left == 0, "keys are left over", NULL);
    expect(test_server_integer(life->server, "XLEN {jobs}:dead") == 0, "dead letters are left over", NULL);
    expect(test_server_integer(life->server, "XLEN jobs") == 0, "entries are left over", NULL);
}

size_t life_with_fault(void *context, const struct fault *fault, size_t n, size_t *ret_seen)
{
    struct life *life = context;
    *life = (struct life){.url = life->url,
                          .ca_file = life->ca_file,
                          .server = life->server,
                          .tidy = life->tidy,
                          .retention = life->retention,
                          .refused = fault->kind == FAULT_REFUSAL};
    if (life->server) {
        freeReplyObject(test_server_command(life->server, "FLUSHALL"));
        freeReplyObject(test_server_command(life->server, "SCRIPT FLUSH"));
    }
    int fds = process_fds(), threads = process_threads();
    if (life->tidy)
        life->tidy();
    long blocks = fault_live_blocks();
    fault_arm(fault, n);
    live(life);
    size_t hits = fault_off(ret_seen);
    if (life->tidy)
        life->tidy();
    blocks = fault_live_blocks() - blocks;
    expect(n == SIZE_MAX || blocks == 0, "memory is left over", NULL); /* the first run fills caches of the C library */
    expect(process_fds() == fds, "descriptors are left over", NULL);
    expect(process_threads() <= threads, "threads are left over", NULL);
    expect_all_done(life);
    return hits;
}
