/* SPDX-License-Identifier: MIT
 *
 * Testing a handler without a server: a memory: URL is a whole broker inside this process, with the same retries and
 * dead letters. It lives as long as somebody has it open.
 */
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

/* ---- what is tested: jobs that pay money into an account ---- */

struct account {
    long balance;
};

static weir_outcome pay_in(weir_job *job, struct account *account)
{
    const char *text = weir_job_field(job, "amount", NULL);
    char *end = NULL;
    long amount = text == NULL ? 0 : strtol(text, &end, 10);
    if (text == NULL || end == text || *end != '\0') {
        weir_job_error(job, "no amount: %s", text == NULL ? "(nothing)" : text);
        return WEIR_REJECT;
    }
    account->balance += amount;
    return WEIR_DONE;
}

/* ---- the test ---- */

static const char url[] = "memory:in_process";
static const char stream[] = "payments";

struct test {
    struct account account;
    sem_t ended; /* one for each job that is done or dead */
};

static weir_outcome handler(weir_job *job, void *user_data)
{
    struct test *test = user_data;
    weir_outcome outcome = pay_in(job, &test->account);
    if (outcome == WEIR_DONE)
        sem_post(&test->ended);
    return outcome;
}

static void on_event(const weir_event *event, void *user_data)
{
    struct test *test = user_data;
    if (event->kind == WEIR_EVENT_JOB_DEAD)
        sem_post(&test->ended);
}

/* Runs the jobs to their end. */
static weir_status run(struct test *test, const weir_enqueue_job *jobs, size_t n, weir_producer *producer,
                       weir_error *err)
{
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = url;
    o.stream = stream;
    o.handler = handler;
    o.on_event = on_event;
    o.user_data = test;
    o.concurrency = 1; /* the account has no lock */

    weir_queue *queue = NULL;
    weir_status status = weir_enqueue_bulk(producer, jobs, n, NULL, err);
    if (status == WEIR_OK)
        status = weir_queue_open(&queue, &o, err);
    if (status == WEIR_OK)
        status = weir_queue_start(queue, err);
    for (size_t i = 0; i < n && status == WEIR_OK; i++)
        sem_wait(&test->ended);
    weir_queue_close(queue);
    return status;
}

static weir_status count_dead(uint64_t *ret, weir_error *err)
{
    weir_dead_options options = WEIR_DEAD_OPTIONS_INIT;
    options.url = url;
    options.stream = stream;
    weir_dead *dead = NULL;
    weir_status status = weir_dead_open(&dead, &options, err);
    if (status == WEIR_OK)
        status = weir_dead_count(dead, ret, err);
    weir_dead_close(dead);
    return status;
}

int main(void)
{
    const weir_enqueue_job jobs[] = {
        {WEIR_FIELDS(weir_field_text("amount", "5")), NULL},
        {WEIR_FIELDS(weir_field_text("amount", "seven")), NULL},
        {WEIR_FIELDS(weir_field_text("amount", "12")), NULL},
    };
    struct test test = {.account = {.balance = 100}};
    sem_init(&test.ended, 0, 0);

    weir_producer_options p = WEIR_PRODUCER_OPTIONS_INIT;
    p.url = url;
    p.stream = stream;
    weir_producer *producer = NULL;
    uint64_t dead = 0;
    weir_error err;
    weir_status status = weir_producer_open(&producer, &p, &err);
    if (status == WEIR_OK)
        status = run(&test, jobs, sizeof jobs / sizeof *jobs, producer, &err);
    if (status == WEIR_OK)
        status = count_dead(&dead, &err);
    weir_producer_close(producer);

    if (status != WEIR_OK) {
        fprintf(stderr, "in_process: %s\n", err.message);
        return EXIT_FAILURE;
    }
    printf("balance %ld, %" PRIu64 " dead\n", test.account.balance, dead);
    return test.account.balance == 117 && dead == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
