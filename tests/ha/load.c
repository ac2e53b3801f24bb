/* SPDX-License-Identifier: MIT */
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t number_field(const weir_job *job, const char *name)
{
    const char *text = weir_job_field(job, name, NULL);
    if (!text)
        test_die("a job without the field %s", name);
    return strtoll(text, NULL, 10);
}

static bool is_each(unsigned every, size_t i)
{
    return every > 0 && i % every == every - 1;
}

static void note_first(_Atomic int64_t *first_ms)
{
    int64_t none = 0;
    atomic_compare_exchange_strong(first_ms, &none, test_now_ms());
}

/* --- the worker --- */

static weir_outcome handle(weir_job *job, void *context)
{
    struct load *load = context;
    size_t i = (size_t)number_field(job, "i");
    if (i >= LOAD_JOBS_MAX)
        test_die("job %zu was never enqueued", i);
    atomic_fetch_add(&load->jobs[i].runs, 1);
    atomic_fetch_add(&load->ran, 1);
    if ((unsigned)number_field(job, "epoch") == atomic_load(&load->epoch))
        note_first(&load->first_run_ms);
    if (is_each(load->options.reject_every, i))
        return WEIR_REJECT;
    return is_each(load->options.retry_every, i) && weir_job_attempt(job) == 1 ? WEIR_RETRY : WEIR_DONE;
}

static int bury(const weir_dead_letter *letter, void *context)
{
    struct load *load = context;
    for (size_t i = 0; i < letter->fields.n; i++)
        if (strcmp(letter->fields.items[i].name, "i") == 0)
            atomic_store(&load->jobs[strtoll(letter->fields.items[i].value, NULL, 10)].dead, 1);
    return 0;
}

/* --- the producers --- */

struct prepared {
    char i[24], epoch[24];
    weir_field items[2];
    weir_fields fields;
    weir_enqueue_options options;
    size_t number;
};

static void prepare(struct load *load, struct prepared *job, bool delayed)
{
    job->number = atomic_fetch_add(&load->n_jobs, 1);
    if (job->number >= LOAD_JOBS_MAX)
        test_die("what the test waits for has taken more than %d jobs", LOAD_JOBS_MAX);
    snprintf(job->i, sizeof job->i, "%zu", job->number);
    snprintf(job->epoch, sizeof job->epoch, "%u", atomic_load(&load->epoch));
    job->items[0] = weir_field_text("i", job->i);
    job->items[1] = weir_field_text("epoch", job->epoch);
    job->fields = (weir_fields){job->items, 2};
    job->options = (weir_enqueue_options)WEIR_ENQUEUE_OPTIONS_INIT;
    job->options.delay_ms = delayed ? 20 : 0;
}

static void note(struct load *load, const struct prepared *job, weir_status status)
{
    enum load_outcome outcome = status == WEIR_OK             ? LOAD_ACCEPTED
                                : status == WEIR_ERR_IN_DOUBT ? LOAD_IN_DOUBT
                                                              : LOAD_REFUSED;
    atomic_store(&load->jobs[job->number].outcome, outcome);
    if (status != WEIR_OK)
        return;
    atomic_fetch_add(&load->accepted, 1);
    if (strtoul(job->epoch, NULL, 10) == atomic_load(&load->epoch))
        note_first(&load->first_accepted_ms);
}

static void note_failure(struct load *load, const weir_error *err)
{
    pthread_mutex_lock(&load->mutex);
    load->last_failure = *err;
    load->failures++;
    pthread_mutex_unlock(&load->mutex);
    poll(NULL, 0, 10); /* as a caller who tries again would */
}

/* A round of one thread: one job, one delayed job, one bulk. */
static void produce_some(struct load *load, weir_producer *producer)
{
    weir_error err = {.code = WEIR_OK};
    for (int delayed = 0; delayed < 2; delayed++) {
        struct prepared job;
        prepare(load, &job, delayed == 1);
        weir_status status = weir_enqueue(producer, &job.fields, &job.options, NULL, &err);
        note(load, &job, status);
        if (status != WEIR_OK) {
            note_failure(load, &err);
            return;
        }
    }
    struct prepared jobs[LOAD_BULK];
    weir_enqueue_job bulk[LOAD_BULK];
    weir_enqueue_result results[LOAD_BULK];
    for (int i = 0; i < LOAD_BULK; i++) {
        prepare(load, &jobs[i], i % 7 == 6);
        bulk[i] = (weir_enqueue_job){&jobs[i].fields, &jobs[i].options};
    }
    if (weir_enqueue_bulk(producer, bulk, LOAD_BULK, results, &err) != WEIR_OK)
        note_failure(load, &err);
    for (int i = 0; i < LOAD_BULK; i++)
        note(load, &jobs[i], results[i].status);
}

static void *produce(void *context)
{
    struct load *load = context;
    static atomic_size_t next;
    weir_producer *producer = load->producers[atomic_fetch_add(&next, 1) % LOAD_PRODUCERS];
    while (!atomic_load(&load->stop)) {
        produce_some(load, producer);
        poll(NULL, 0, 3); /* a pace that leaves the machine to others */
    }
    return NULL;
}

/* --- the test's own --- */

static void ok(weir_status status, const weir_error *err, const char *what)
{
    if (status != WEIR_OK)
        test_die("%s: %s %s", what, err->message, err->server);
}

static void await(bool (*condition)(void *context), void *context, struct load *load, const char *what)
{
    if (!wait_for(condition, context, 2 * TEST_TIMEOUT_MS))
        test_die("waited in vain until %s: %zu accepted, %zu ran, %zu calls failed, the last one: %s %s", what,
                 atomic_load(&load->accepted), atomic_load(&load->ran), load->failures, load->last_failure.message,
                 load->last_failure.server);
}

static void open_queue(struct load *load)
{
    weir_queue_options options = WEIR_QUEUE_OPTIONS_INIT;
    options.url = load->options.url;
    options.stream = load->options.stream;
    options.handler = handle;
    options.on_dead = bury;
    options.user_data = load;
    options.concurrency = 4;
    options.backoff = WEIR_BACKOFF_FIXED;
    options.backoff_base_ms = options.backoff_cap_ms = 20;
    options.min_idle_ms = test_scaled_ms(2000);
    options.promote_interval_ms = 50;
    if (load->options.command_timeout_ms)
        options.connection.command_timeout_ms = load->options.command_timeout_ms;
    weir_error err;
    ok(weir_queue_open(&load->queue, &options, &err), &err, "weir_queue_open");
    ok(weir_queue_start(load->queue, &err), &err, "weir_queue_start");
}

static void open_producers(struct load *load)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = load->options.url;
    options.stream = load->options.stream;
    options.wait_replicas = load->options.wait_replicas;
    if (load->options.command_timeout_ms)
        options.connection.command_timeout_ms = load->options.command_timeout_ms;
    weir_error err;
    for (int i = 0; i < LOAD_PRODUCERS; i++)
        ok(weir_producer_open(&load->producers[i], &options, &err), &err, "weir_producer_open");
    for (int i = 0; i < LOAD_PRODUCERS; i++)
        if (pthread_create(&load->threads[i], NULL, produce, load) != 0)
            test_die("no thread");
}

void load_start(struct load *load, const struct load_options *options)
{
    memset(load, 0, sizeof *load);
    load->options = *options;
    load->jobs = calloc(LOAD_JOBS_MAX, sizeof *load->jobs);
    if (!load->jobs || pthread_mutex_init(&load->mutex, NULL) != 0)
        test_die("out of memory");
    open_queue(load);
    open_producers(load);
    load_await_progress(load, 100);
}

void load_mark(struct load *load)
{
    atomic_fetch_add(&load->epoch, 1);
    atomic_store(&load->first_accepted_ms, 0);
    atomic_store(&load->first_run_ms, 0);
}

static bool has_resumed(void *context)
{
    struct load *load = context;
    return atomic_load(&load->first_accepted_ms) && atomic_load(&load->first_run_ms);
}

int64_t load_await_resumed(struct load *load, int64_t since_ms)
{
    await(has_resumed, load, load, "work goes on");
    int64_t accepted_ms = atomic_load(&load->first_accepted_ms), run_ms = atomic_load(&load->first_run_ms);
    return (accepted_ms > run_ms ? accepted_ms : run_ms) - since_ms;
}

static bool has_run(void *context)
{
    return atomic_load(&((struct load *)context)->first_run_ms) != 0;
}

int64_t load_await_run(struct load *load, int64_t since_ms)
{
    await(has_run, load, load, "jobs run again");
    return atomic_load(&load->first_run_ms) - since_ms;
}

struct progress {
    struct load *load;
    size_t accepted, ran;
};

static bool has_progressed(void *context)
{
    struct progress *progress = context;
    return atomic_load(&progress->load->accepted) >= progress->accepted &&
           atomic_load(&progress->load->ran) >= progress->ran;
}

void load_await_progress(struct load *load, size_t n)
{
    struct progress progress = {load, atomic_load(&load->accepted) + n, atomic_load(&load->ran) + n};
    await(has_progressed, &progress, load, "there is progress");
}

static bool is_finished(const struct load *load, size_t i)
{
    const struct load_job *job = &load->jobs[i];
    if (is_each(load->options.reject_every, i))
        return job->dead != 0;
    return job->runs >= (is_each(load->options.retry_every, i) ? 2 : 1);
}

static bool all_finished(void *context)
{
    struct load *load = context;
    size_t n = atomic_load(&load->n_jobs);
    for (size_t i = 0; i < n && i < LOAD_JOBS_MAX; i++)
        if (load->jobs[i].outcome == LOAD_ACCEPTED && !is_finished(load, i))
            return false;
    weir_stats stats = WEIR_STATS_INIT;
    return weir_queue_stats(load->queue, &stats) == WEIR_OK && stats.waiting + stats.running + stats.unreported == 0;
}

struct load_books load_finish(struct load *load, const char *what)
{
    atomic_store(&load->stop, true);
    for (int i = 0; i < LOAD_PRODUCERS; i++)
        pthread_join(load->threads[i], NULL);
    bool finished = wait_for(all_finished, load, TEST_TIMEOUT_MS);
    struct load_books books = {0};
    size_t n = atomic_load(&load->n_jobs);
    for (size_t i = 0; i < n && i < LOAD_JOBS_MAX; i++) {
        const struct load_job *job = &load->jobs[i];
        unsigned needed = is_each(load->options.retry_every, i) && !is_each(load->options.reject_every, i) ? 2 : 1;
        books.accepted += job->outcome == LOAD_ACCEPTED;
        books.in_doubt += job->outcome == LOAD_IN_DOUBT;
        books.refused += job->outcome == LOAD_REFUSED;
        books.lost += job->outcome == LOAD_ACCEPTED && !is_finished(load, i);
        books.ran_in_vain += job->outcome == LOAD_REFUSED && job->runs > 0;
        books.dead += job->dead;
        books.repeated += job->runs > needed ? job->runs - needed : 0;
    }
    print_message("    %s: accepted %zu, in doubt %zu, refused %zu, lost %zu, dead %zu, run again %zu\n", what,
                  books.accepted, books.in_doubt, books.refused, books.lost, books.dead, books.repeated);
    if (load->failures)
        print_message("    the last of %zu failures: %s %s\n", load->failures, load->last_failure.message,
                      load->last_failure.server);
    if (!finished)
        print_message("    not all was finished in time\n");
    weir_status stopped = weir_queue_stop(load->queue, TEST_TIMEOUT_MS);
    weir_queue_close(load->queue);
    for (int i = 0; i < LOAD_PRODUCERS; i++)
        weir_producer_close(load->producers[i]);
    pthread_mutex_destroy(&load->mutex);
    free(load->jobs);
    assert_int_equal(stopped, WEIR_OK);
    return books;
}
