/* SPDX-License-Identifier: MIT
 *
 * Several queues in one process: each with its own stream, handler and concurrency, started and stopped as one.
 */
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

static weir_outcome send_mail(weir_job *job, void *user_data)
{
    const char *to = weir_job_field(job, "to", NULL);
    if (to == NULL)
        return WEIR_REJECT;
    printf("mail to %s\n", to);
    sem_post(user_data);
    return WEIR_DONE;
}

static weir_outcome make_thumbnail(weir_job *job, void *user_data)
{
    const char *image = weir_job_field(job, "image", NULL);
    if (image == NULL)
        return WEIR_REJECT;
    printf("thumbnail of %s\n", image);
    sem_post(user_data);
    return WEIR_DONE;
}

static weir_outcome write_report(weir_job *job, void *user_data)
{
    const char *month = weir_job_field(job, "month", NULL);
    if (month == NULL)
        return WEIR_REJECT;
    printf("report for %s\n", month);
    sem_post(user_data);
    return WEIR_DONE;
}

static weir_status enqueue(const char *url, const char *stream, const char *field, const char *value, weir_error *err)
{
    weir_producer_options options = WEIR_PRODUCER_OPTIONS_INIT;
    options.url = url;
    options.stream = stream;

    weir_producer *producer = NULL;
    weir_status status = weir_producer_open(&producer, &options, err);
    if (status == WEIR_OK)
        status = weir_enqueue(producer, WEIR_FIELDS(weir_field_text(field, value)), NULL, NULL, err);
    weir_producer_close(producer);
    return status;
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : getenv("WEIR_URL");
    sem_t done;
    sem_init(&done, 0, 0);

    weir_queue_options common = WEIR_QUEUE_OPTIONS_INIT;
    common.url = url != NULL ? url : "redis://127.0.0.1:6379";
    common.user_data = &done;

    weir_queue_options queues[] = {common, common, common};
    queues[0].stream = "mails";
    queues[0].handler = send_mail;
    queues[0].concurrency = 16; /* these wait for the network */
    queues[1].stream = "thumbnails";
    queues[1].handler = make_thumbnail;
    queues[1].concurrency = 2; /* these compute */
    queues[2].stream = "reports";
    queues[2].handler = write_report;
    queues[2].concurrency = 1; /* one after the other */

    weir_error err;
    weir_queue_group *group = NULL;
    if (enqueue(common.url, "mails", "to", "ada@example.org", &err) != WEIR_OK ||
        enqueue(common.url, "mails", "to", "grace@example.org", &err) != WEIR_OK ||
        enqueue(common.url, "thumbnails", "image", "cat.png", &err) != WEIR_OK ||
        enqueue(common.url, "reports", "month", "May", &err) != WEIR_OK ||
        weir_queue_group_open(&group, queues, 3, &err) != WEIR_OK || weir_queue_group_start(group, &err) != WEIR_OK) {
        fprintf(stderr, "queue_group: %s\n", err.message);
        weir_queue_group_close(group);
        return EXIT_FAILURE;
    }

    for (int i = 0; i < 4; i++)
        sem_wait(&done);
    weir_status status = weir_queue_group_stop(group, 10000); /* ten seconds for all of them together */

    for (size_t i = 0; i < 3; i++) {
        weir_stats stats = WEIR_STATS_INIT;
        weir_queue_stats(weir_queue_group_get(group, i), &stats);
        printf("%s: %" PRIu64 " done\n", queues[i].stream, stats.done);
    }
    weir_queue_group_close(group);
    return status == WEIR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
