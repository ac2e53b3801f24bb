/* SPDX-License-Identifier: MIT
 *
 * Generated functions with a producer and a queue: what a handler gets is what was enqueued, for as long as its job
 * lives.
 */
#include "support/test.h"

#include "email_job.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

static const char url[] = "memory:typed";

/* What a handler has seen. */
struct seen {
    sem_t ended;
    pthread_t later;
    weir_job *job;
    int runs;
    bool good;
    char error[320];
    bool dead_had_payload;
};

static void setup(struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    sem_init(&seen->ended, 0, 0);
}

static struct email mail(double *score, char **tags)
{
    return (struct email){.to = "ada@example.org",
                          .subject = "Engines",
                          .tries = 7,
                          .html = true,
                          .score = score,
                          .n_tags = 2,
                          .tags = tags};
}

static bool is_mail(const struct email *email)
{
    return strcmp(email->to, "ada@example.org") == 0 && strcmp(email->subject, "Engines") == 0 && email->tries == 7 &&
           email->html && email->score && *email->score == 0.1 && email->n_tags == 2 &&
           strcmp(email->tags[0], "one") == 0 && strcmp(email->tags[1], "") == 0;
}

static weir_producer *producer_of(const char *stream)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = stream;
    weir_producer *producer = NULL;
    assert_int_equal(weir_producer_open(&producer, &options, NULL), WEIR_OK);
    return producer;
}

static void on_event(const weir_event *event, void *user_data)
{
    struct seen *seen = user_data;
    if (event->kind == WEIR_EVENT_JOB_DEAD)
        sem_post(&seen->ended);
}

static int on_dead(const weir_dead_letter *letter, void *user_data)
{
    struct seen *seen = user_data;
    snprintf(seen->error, sizeof seen->error, "%s", letter->error);
    const struct email *email = letter->payload;
    seen->dead_had_payload = email && is_mail(email);
    return 0;
}

/* Runs the queue until n jobs have ended. */
static void run(weir_queue_options *o, const char *stream, struct seen *seen, int n)
{
    weir_queue *queue = NULL;
    weir_error err = {.message = ""};
    o->url = url;
    o->stream = stream;
    o->concurrency = 1;
    o->on_event = on_event;
    o->on_dead = on_dead;
    if (weir_queue_open(&queue, o, &err) != WEIR_OK || weir_queue_start(queue, &err) != WEIR_OK)
        fail_msg("%s", err.message);
    for (int i = 0; i < n; i++)
        sem_wait(&seen->ended);
    assert_int_equal(weir_queue_stop(queue, 10000), WEIR_OK);
    weir_queue_close(queue);
}

static weir_outcome at_once(weir_job *job, const struct email *email, struct seen *seen)
{
    seen->good = is_mail(email) && email == my_email_of(job);
    sem_post(&seen->ended);
    return WEIR_DONE;
}
MY_EMAIL_HANDLER(at_once, struct seen);

static void a_handler_gets_the_struct(void **state)
{
    (void)state;
    struct seen seen;
    setup(&seen);
    double score = 0.1;
    char *tags[] = {"one", ""};
    struct email email = mail(&score, tags);
    weir_producer *producer = producer_of("at_once");
    weir_id id = {""};
    assert_int_equal(my_email_enqueue(producer, &email, NULL, &id, NULL), WEIR_OK);
    assert_true(id.text[0] != '\0');
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    at_once_attach(&o, &seen);
    assert_ptr_equal(o.codec, &my_email_codec);
    run(&o, "at_once", &seen, 1);
    assert_true(seen.good);
    weir_producer_close(producer);
}

static void *finish(void *argument)
{
    struct seen *seen = argument;
    seen->good = is_mail(my_email_of(seen->job)) && weir_job_finish(seen->job, WEIR_DONE) == WEIR_OK;
    sem_post(&seen->ended);
    return NULL;
}

static weir_outcome later(weir_job *job, const struct email *email, struct seen *seen)
{
    (void)email;
    seen->job = job;
    pthread_create(&seen->later, NULL, finish, seen);
    return WEIR_LATER;
}
MY_EMAIL_HANDLER(later, struct seen);

static void the_struct_lives_until_the_job_is_finished(void **state)
{
    (void)state;
    struct seen seen;
    setup(&seen);
    double score = 0.1;
    char *tags[] = {"one", ""};
    struct email email = mail(&score, tags);
    weir_producer *producer = producer_of("later");
    assert_int_equal(my_email_enqueue(producer, &email, NULL, NULL, NULL), WEIR_OK);
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    later_attach(&o, &seen);
    run(&o, "later", &seen, 1);
    pthread_join(seen.later, NULL);
    assert_true(seen.good);
    weir_producer_close(producer);
}

static weir_outcome reject(weir_job *job, const struct email *email, struct seen *seen)
{
    seen->runs++;
    weir_job_error(job, "no mail for %s", email->to);
    return WEIR_REJECT;
}
MY_EMAIL_HANDLER(reject, struct seen);

static void the_dead_have_their_struct_or_the_reason(void **state)
{
    (void)state;
    struct seen seen;
    setup(&seen);
    double score = 0.1;
    char *tags[] = {"one", ""};
    struct email email = mail(&score, tags);
    weir_producer *producer = producer_of("dead");
    assert_int_equal(my_email_enqueue(producer, &email, NULL, NULL, NULL), WEIR_OK);
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    reject_attach(&o, &seen);
    run(&o, "dead", &seen, 1);
    assert_true(seen.dead_had_payload);
    assert_string_equal(seen.error, "no mail for ada@example.org");

    assert_int_equal(weir_enqueue(producer,
                                  WEIR_FIELDS(weir_field_text("to", "x"), weir_field_text("subject", "x"),
                                              weir_field_text("tries", "12x")),
                                  NULL, NULL, NULL),
                     WEIR_OK);
    run(&o, "dead", &seen, 1);
    assert_int_equal(seen.runs, 1); /* the handler never saw it */
    assert_false(seen.dead_had_payload);
    assert_string_equal(seen.error, "field \"tries\": \"12x\" is not an unsigned integer (uint32_t)");
    weir_producer_close(producer);
}

static void a_bulk_is_encoded_as_a_whole(void **state)
{
    (void)state;
    double score = 0.1;
    char *tags[] = {"one", ""};
    struct email emails[3] = {mail(&score, tags), mail(NULL, tags), mail(&score, tags)};
    weir_enqueue_options options[3] = {WEIR_ENQUEUE_OPTIONS_INIT, WEIR_ENQUEUE_OPTIONS_INIT, WEIR_ENQUEUE_OPTIONS_INIT};
    weir_enqueue_result results[3];
    weir_error err = {.message = ""};
    weir_producer *producer = producer_of("bulk");

    emails[1].to = NULL;
    assert_int_equal(my_email_enqueue_bulk(producer, emails, 3, NULL, results, &err), WEIR_ERR_DECODE);
    assert_string_equal(err.message, "job 1: field \"to\": is NULL (char *); make it optional, or give it a default");
    for (int i = 0; i < 3; i++)
        assert_true(results[i].status == WEIR_ERR_DECODE && results[i].id.text[0] == '\0');

    emails[1].to = "bob@example.org";
    options[2].id = "third";
    assert_int_equal(my_email_enqueue_bulk(producer, emails, 3, options, results, &err), WEIR_OK);
    assert_true(results[0].status == WEIR_OK && results[0].id.text[0] != '\0');
    assert_string_equal(results[2].id.text, "third");
    assert_int_equal(my_email_enqueue_bulk(producer, NULL, 0, NULL, NULL, &err), WEIR_OK);
    assert_int_equal(my_email_enqueue_bulk(producer, NULL, 1, NULL, NULL, &err), WEIR_ERR_ARGUMENT);

    /* three, and nothing of the bulk that failed */
    struct seen seen;
    setup(&seen);
    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    reject_attach(&o, &seen);
    run(&o, "bulk", &seen, 3);
    assert_int_equal(seen.runs, 3);
    weir_producer_close(producer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_gets_the_struct),
        cmocka_unit_test(the_struct_lives_until_the_job_is_finished),
        cmocka_unit_test(the_dead_have_their_struct_or_the_reason),
        cmocka_unit_test(a_bulk_is_encoded_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
