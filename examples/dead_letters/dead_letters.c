/* SPDX-License-Identifier: MIT
 *
 * Dead letters: a job whose handler keeps failing is given up, looked at, put back once the fault is mended, and done.
 */
#include <inttypes.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

struct mailer {
    atomic_bool server_is_up;
    sem_t dead;
    sem_t sent;
};

static weir_outcome send_mail(weir_job *job, void *user_data)
{
    struct mailer *mailer = user_data;
    const char *to = weir_job_field(job, "to", NULL);
    if (to == NULL)
        return WEIR_REJECT;

    if (!mailer->server_is_up) {
        printf("attempt %" PRIu32 ": the mail server is down\n", weir_job_attempt(job));
        weir_job_error(job, "the mail server is down");
        return WEIR_RETRY;
    }
    printf("attempt %" PRIu32 ": sent to %s\n", weir_job_attempt(job), to);
    sem_post(&mailer->sent);
    return WEIR_DONE;
}

/* Told before the letter is written. Where it returns 0, and dead_mode says so, that is all that becomes of the job. */
static int tell_somebody(const weir_dead_letter *letter, void *user_data)
{
    (void)user_data;
    printf("given up after %" PRIu32 " attempts: %s\n", letter->attempts, letter->error);
    return 0;
}

/* Told after it. */
static void on_event(const weir_event *event, void *user_data)
{
    struct mailer *mailer = user_data;
    if (event->kind == WEIR_EVENT_JOB_DEAD)
        sem_post(&mailer->dead);
}

static int print_letter(const weir_dead_letter *letter, void *user_data)
{
    (void)user_data;
    printf("dead: %s: %s", letter->reason_text, letter->error);
    for (size_t i = 0; i < letter->fields.n; i++) {
        const weir_field *field = &letter->fields.items[i];
        printf(", %.*s = %.*s", (int)field->name_len, field->name, (int)field->value_len, field->value);
    }
    putchar('\n');
    return 0; /* go on */
}

static weir_status enqueue(const char *url, const char *stream, weir_error *err)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = stream;
    weir_producer *producer = NULL;
    weir_status status = weir_producer_open(&producer, &options, err);
    if (status == WEIR_OK)
        status = weir_enqueue(producer, WEIR_FIELDS(weir_field_text("to", "ada@example.org")), NULL, NULL, err);
    weir_producer_close(producer);
    return status;
}

/* Shows what is dead, and puts it back. */
static weir_status mend(struct mailer *mailer, weir_dead *dead, weir_error *err)
{
    weir_status status = weir_dead_list(dead, NULL, SIZE_MAX, print_letter, NULL, err);
    if (status != WEIR_OK)
        return status;
    puts("mended: putting back what is dead");
    mailer->server_is_up = true;
    return weir_dead_requeue_all(dead, NULL, err);
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : getenv("WEIR_URL");
    struct mailer mailer = {.server_is_up = false};
    sem_init(&mailer.dead, 0, 0);
    sem_init(&mailer.sent, 0, 0);

    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = url != NULL ? url : "redis://127.0.0.1:6379";
    o.stream = "fragile-mails";
    o.handler = send_mail;
    o.on_dead = tell_somebody;
    o.on_event = on_event;
    o.user_data = &mailer;
    o.max_attempts = 3;
    o.backoff = WEIR_BACKOFF_EXPONENTIAL; /* 20 ms, 40 ms; the default is 1 s, 2 s, 4 s, … */
    o.backoff_base_ms = 20;
    o.promote_interval_ms = 10;

    weir_dead_options d = WEIR_DEAD_OPTIONS_INIT;
    d.url = o.url;
    d.stream = o.stream;

    weir_queue *queue = NULL;
    weir_dead *dead = NULL;
    weir_error err;
    weir_status status = weir_dead_open(&dead, &d, &err);
    if (status == WEIR_OK)
        status = enqueue(o.url, o.stream, &err);
    if (status == WEIR_OK)
        status = weir_queue_open(&queue, &o, &err);
    if (status == WEIR_OK)
        status = weir_queue_start(queue, &err);
    if (status == WEIR_OK) {
        sem_wait(&mailer.dead);
        status = mend(&mailer, dead, &err);
    }

    if (status != WEIR_OK) {
        fprintf(stderr, "dead_letters: %s\n", err.message);
    } else {
        sem_wait(&mailer.sent);
        status = weir_queue_stop(queue, 10000);
    }
    weir_queue_close(queue);
    weir_dead_close(dead);
    return status == WEIR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
