/* SPDX-License-Identifier: MIT
 *
 * Jobs that are structs: weir-codegen has made email_job.h of email.h, and neither side touches a string. The producer
 * enqueues one mail, and then a bulk of two; the worker gets them as they were. What another language has enqueued
 * wrongly never gets to the handler.
 */
#include "email_job.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

struct mailer {
    sem_t ended; /* one for each job that is sent or dead */
};

static void print_mail(const struct email *mail)
{
    static const char *const priorities[] = {"low", "normal", "high"};
    printf("to %s: %s (%s, %s", mail->to, mail->subject, priorities[mail->priority], mail->html ? "html" : "text");
    if (mail->score != NULL)
        printf(", score %g", *mail->score);
    for (size_t i = 0; i < mail->n_tags; i++)
        printf(", #%s", mail->tags[i]);
    for (size_t i = 0; i < mail->n_attachments; i++)
        printf(", %s of %zu bytes", mail->attachments[i].name, mail->attachments[i].size);
    puts(")");
}

static weir_outcome send_mail(weir_job *job, const struct email *mail, struct mailer *mailer)
{
    (void)job;
    print_mail(mail);
    sem_post(&mailer->ended);
    return WEIR_DONE;
}
EMAIL_HANDLER(send_mail, struct mailer);

static int on_dead(const weir_dead_letter *letter, void *user_data)
{
    struct mailer *mailer = user_data;
    printf("dead: %s: %s\n", letter->reason_text, letter->error);
    sem_post(&mailer->ended);
    return 0;
}

static weir_status enqueue_all(const char *url, const char *stream, weir_error *err)
{
    double score = 0.25;
    char *tags[] = {"hello", "world"};
    struct attachment attachment = {.name = "cat.png", .size = 4, .bytes = "meow"};
    const struct email one = {.to = "ada@example.org",
                              .subject = "Engines",
                              .priority = PRIORITY_HIGH,
                              .score = &score,
                              .n_tags = 2,
                              .tags = tags,
                              .n_attachments = 1,
                              .attachments = &attachment};
    const struct email more[] = {
        {.to = "grace@example.org", .subject = "Compilers", .html = true},
        {.to = "barbara@example.org", .subject = "Types"},
    };

    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = stream;
    weir_producer *producer = NULL;
    weir_status status = weir_producer_open(&producer, &options, err);
    if (status == WEIR_OK)
        status = email_enqueue(producer, &one, NULL, NULL, err);
    if (status == WEIR_OK)
        status = email_enqueue_bulk(producer, more, sizeof more / sizeof *more, NULL, NULL, err);
    if (status == WEIR_OK) /* as somebody without our struct might have done it */
        status = weir_enqueue(producer,
                              WEIR_FIELDS(weir_field_text("to", "x@example.org"), weir_field_text("subject", "?"),
                                          weir_field_text("html", "perhaps")),
                              NULL, NULL, err);
    weir_producer_close(producer);
    return status;
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : getenv("WEIR_URL");
    struct mailer mailer;
    sem_init(&mailer.ended, 0, 0);

    weir_queue_options o = WEIR_QUEUE_OPTIONS_INIT;
    o.url = url != NULL ? url : "redis://127.0.0.1:6379";
    o.stream = "mails";
    o.concurrency = 1; /* so that the output is in order */
    o.on_dead = on_dead;
    send_mail_attach(&o, &mailer); /* sets codec, handler and user_data */

    weir_queue *queue = NULL;
    weir_error err;
    weir_status status = weir_queue_open(&queue, &o, &err);
    if (status == WEIR_OK)
        status = enqueue_all(o.url, o.stream, &err);
    if (status == WEIR_OK)
        status = weir_queue_start(queue, &err);

    if (status != WEIR_OK) {
        fprintf(stderr, "email: %s\n", err.message);
    } else {
        for (int i = 0; i < 4; i++)
            sem_wait(&mailer.ended);
        status = weir_queue_stop(queue, 10000);
    }
    weir_queue_close(queue);
    return status == WEIR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
