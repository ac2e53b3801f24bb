/* SPDX-License-Identifier: MIT
 *
 * Reading a history. Lines of one process are in their order; those of different processes may be out of it by a
 * little, which matters nowhere but in the order of a job's runs, which is therefore that of their starts.
 */
#include "history.h"

#include "support/wait.h"
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The line being read, from the word that comes next. */
struct cursor {
    const char *at, *end;
    int64_t us;
    size_t who;
};

#define GROW(history, array)                                                                                           \
    ((history)->n_##array == (history)->array##_capacity                                                               \
         ? ((history)->array = grow((history)->array, &(history)->array##_capacity, sizeof *(history)->array))         \
         : (history)->array)

static void *grow(void *array, size_t *capacity, size_t size)
{
    *capacity = *capacity ? 2 * *capacity : 64;
    array = realloc(array, *capacity * size);
    if (!array)
        test_die("no memory for a history");
    return array;
}

/* --- words --- */

static _Noreturn void misunderstood(const struct cursor *line, const char *what)
{
    test_die("a line of the history has no %s: %.*s", what, (int)(line->end - line->at), line->at);
}

/* The next word; its length may be 0 at the end of the line. */
static const char *next_word(struct cursor *line, size_t *ret_len)
{
    const char *from = line->at, *space = memchr(from, ' ', (size_t)(line->end - from));
    const char *to = space ? space : line->end;
    line->at = space ? space + 1 : line->end;
    *ret_len = (size_t)(to - from);
    return from;
}

bool history_number(const char *text, size_t len, int64_t *ret)
{
    bool negative = len > 0 && text[0] == '-';
    int64_t number = 0;
    for (size_t i = negative; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || number > INT64_MAX / 10 - 9)
            return false;
        number = 10 * number + (text[i] - '0');
    }
    *ret = negative ? -number : number;
    return len > (size_t)negative;
}

static int64_t next_number(struct cursor *line)
{
    size_t len;
    const char *word = next_word(line, &len);
    int64_t number;
    if (!history_number(word, len, &number))
        misunderstood(line, "number where there should be one");
    return number;
}

static bool is_word(const char *word, size_t len, const char *expected)
{
    return len == strlen(expected) && memcmp(word, expected, len) == 0;
}

static void copy_word(char *to, size_t size, const char *word, size_t len)
{
    snprintf(to, size, "%.*s", (int)len, word);
}

/* --- jobs --- */

static size_t hash(const char *name, size_t len)
{
    size_t h = 14695981039346656037u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)name[i]) * 1099511628211u;
    return h;
}

/* Where in the index the name is, or would be. */
static size_t *slot_of(const struct history *history, const char *name, size_t len)
{
    for (size_t i = hash(name, len);; i++) {
        size_t *slot = &history->index[i & (history->index_size - 1)];
        if (*slot == 0)
            return slot;
        const struct history_job *job = &history->jobs[*slot - 1];
        if (job->name_len == len && memcmp(job->name, name, len) == 0)
            return slot;
    }
}

static void enlarge_index(struct history *history)
{
    free(history->index);
    history->index_size = history->index_size ? 2 * history->index_size : 1024;
    history->index = calloc(history->index_size, sizeof *history->index);
    if (!history->index)
        test_die("no memory for an index of jobs");
    for (size_t i = 0; i < history->n_jobs; i++)
        *slot_of(history, history->jobs[i].name, history->jobs[i].name_len) = i + 1;
}

static struct history_job *next_job(struct history *history, struct cursor *line)
{
    size_t len;
    const char *name = next_word(line, &len);
    if (len == 0)
        misunderstood(line, "job");
    if (2 * history->n_jobs >= history->index_size)
        enlarge_index(history);
    size_t *slot = slot_of(history, name, len);
    if (*slot == 0) {
        GROW(history, jobs);
        history->jobs[history->n_jobs] = (struct history_job){.name = name,
                                                              .name_len = len,
                                                              .intent_us = NEVER,
                                                              .answered_us = NEVER,
                                                              .told_us = NEVER,
                                                              .again = SIZE_MAX,
                                                              .first_run = SIZE_MAX};
        *slot = ++history->n_jobs;
    }
    return &history->jobs[*slot - 1];
}

struct history_job *history_job(struct history *history, const char *name)
{
    size_t *slot = history->index_size ? slot_of(history, name, strlen(name)) : NULL;
    return slot && *slot ? &history->jobs[*slot - 1] : NULL;
}

/* --- what lines say of jobs --- */

static void read_intent(struct history *history, struct cursor *line)
{
    struct history_job *job = next_job(history, line);
    job->meant = true;
    job->intent_us = line->us;
    job->delay_ms = next_number(line);
    job->doing = line->at;
    job->doing_len = (size_t)(line->end - line->at);
}

static void read_accepted(struct history *history, struct cursor *line)
{
    struct history_job *job = next_job(history, line);
    job->enqueued = ENQUEUE_ACCEPTED;
    job->answered_us = line->us;
    if (job->name_len > 2 && memcmp(job->name, "c-", 2) == 0) {
        GROW(history, fed);
        history->fed[history->n_fed++] = line->us;
    }
}

static void read_refused(struct history *history, struct cursor *line)
{
    struct history_job *job = next_job(history, line);
    job->enqueued = ENQUEUE_REFUSED;
    job->answered_us = line->us;
}

static void read_duplicate(struct history *history, struct cursor *line)
{
    struct history_job *job = next_job(history, line);
    job->enqueued = ENQUEUE_DUPLICATE;
    job->answered_us = line->us;
}

static void read_again(struct history *history, struct cursor *line)
{
    size_t job = (size_t)(next_job(history, line) - history->jobs);
    struct history_job *before = next_job(history, line);
    before->repeated = true;
    history->jobs[job].again = (size_t)(before - history->jobs);
}

static void read_doubt(struct history *history, struct cursor *line)
{
    next_job(history, line)->answered_us = line->us;
}

static void insert_run(struct history *history, struct history_job *job, size_t i)
{
    size_t *link = &job->first_run;
    while (*link != SIZE_MAX && history->runs[*link].start_us <= history->runs[i].start_us)
        link = &history->runs[*link].next;
    history->runs[i].next = *link;
    *link = i;
    job->n_runs++;
}

static void read_start(struct history *history, struct cursor *line)
{
    struct history_job *job = next_job(history, line);
    GROW(history, runs);
    struct run *run = &history->runs[history->n_runs++];
    *run = (struct run){.job = (size_t)(job - history->jobs), .process = line->who, .start_us = line->us};
    run->end_us = NEVER;
    run->entry = next_word(line, &run->entry_len);
    run->attempt = (uint32_t)next_number(line);
    run->deliveries = (uint32_t)next_number(line);
    insert_run(history, job, history->n_runs - 1);
}

static enum run_outcome outcome_of(struct cursor *line)
{
    size_t len;
    const char *word = next_word(line, &len);
    if (is_word(word, len, "done"))
        return RUN_DONE;
    if (is_word(word, len, "retry"))
        return RUN_RETRY;
    if (!is_word(word, len, "reject"))
        misunderstood(line, "outcome");
    return RUN_REJECT;
}

static void read_end(struct history *history, struct cursor *line)
{
    struct history_job *job = next_job(history, line);
    size_t len;
    const char *entry = next_word(line, &len);
    for (size_t i = job->first_run; i != SIZE_MAX; i = history->runs[i].next) {
        struct run *run = &history->runs[i];
        if (run->process != line->who || run->end_us != NEVER || run->entry_len != len ||
            memcmp(run->entry, entry, len) != 0)
            continue;
        run->end_us = line->us;
        run->outcome = outcome_of(line);
        return;
    }
    misunderstood(line, "start that belongs to this end");
}

static void read_told(struct history *history, struct cursor *line)
{
    struct history_job *job = next_job(history, line);
    job->told_us = line->us;
    job->told_reason = line->at < line->end ? *line->at : '?';
}

static void read_left(struct history *history, struct cursor *line)
{
    size_t len;
    const char *what = next_word(line, &len);
    struct history_job *job = NULL;
    if (is_word(what, len, "waiting")) {
        next_job(history, line)->n_waiting++;
    } else if (is_word(what, len, "pending")) {
        next_job(history, line)->n_pending++;
    } else if (is_word(what, len, "delayed")) {
        next_job(history, line)->n_delayed++;
    } else if (is_word(what, len, "dead")) {
        job = next_job(history, line);
        job->n_dead++;
        job->dead_attempts = (uint32_t)next_number(line);
        job->dead_deliveries = (uint32_t)next_number(line);
        job->dead_reason = line->at < line->end ? *line->at : '?';
    } else {
        GROW(history, leftovers);
        history->leftovers[history->n_leftovers++] = what;
    }
}

/* --- what lines say of the rest --- */

static size_t process_of(struct history *history, const char *name, size_t len)
{
    if (history->n_processes > 0 && is_word(name, len, history->processes[0].name))
        return 0; /* the controller: the first to speak, and the one that speaks most */
    for (size_t i = history->n_processes; i-- > 0;)
        if (is_word(name, len, history->processes[i].name))
            return i;
    GROW(history, processes);
    struct process *process = &history->processes[history->n_processes];
    *process = (struct process){
        .kind = name[0], .spawned_us = NEVER, .ready_us = NEVER, .exit_us = NEVER, .stopped_us = NEVER, .number = -1};
    copy_word(process->name, sizeof process->name, name, len);
    sscanf(process->name + 1, "%d", &process->number);
    return history->n_processes++;
}

static void read_spawn(struct history *history, struct cursor *line)
{
    size_t len;
    const char *name = next_word(line, &len);
    size_t process = process_of(history, name, len);
    history->processes[process].spawned_us = line->us;
}

static void read_ready(struct history *history, struct cursor *line)
{
    history->processes[line->who].ready_us = line->us;
}

static void read_stopped(struct history *history, struct cursor *line)
{
    history->processes[line->who].stopped_us = line->us;
    history->processes[line->who].stop_took_us = next_number(line);
}

static void read_exit(struct history *history, struct cursor *line)
{
    size_t len, asked_len, how_len;
    const char *name = next_word(line, &len);
    struct process *process = &history->processes[process_of(history, name, len)];
    const char *asked = next_word(line, &asked_len), *how = next_word(line, &how_len);
    process->exit_us = line->us;
    process->asked = is_word(asked, asked_len, "asked");
    process->signalled = is_word(how, how_len, "signal");
    process->status = (int)next_number(line);
}

static void read_fault(struct history *history, struct cursor *line)
{
    int no = (int)next_number(line);
    size_t what_len, kind_len, target_len;
    const char *what = next_word(line, &what_len), *kind = next_word(line, &kind_len);
    const char *target = next_word(line, &target_len);
    if (is_word(what, what_len, "end")) {
        for (size_t i = history->n_faults; i-- > 0;)
            if (history->faults[i].no == no)
                history->faults[i].end_us = line->us;
        return;
    }
    GROW(history, faults);
    struct history_fault *fault = &history->faults[history->n_faults++];
    *fault = (struct history_fault){.no = no, .begin_us = line->us, .end_us = NEVER};
    copy_word(fault->kind, sizeof fault->kind, kind, kind_len);
    copy_word(fault->target, sizeof fault->target, target, target_len);
}

static void read_lost(struct history *history, struct cursor *line)
{
    int64_t us = next_number(line);
    GROW(history, lost);
    history->lost[history->n_lost++] = (struct span){line->us - us, line->us};
    size_t len;
    const char *by = next_word(line, &len);
    if (is_word(by, len, "machine"))
        history->machine_us += us;
}

static void read_phase(struct history *history, struct cursor *line)
{
    size_t len;
    const char *phase = next_word(line, &len);
    if (is_word(phase, len, "load"))
        history->load_us = line->us;
    else
        history->drain_us = line->us;
}

static void read_config(struct history *history, struct cursor *line)
{
    struct history_config *c = &history->config;
    char text[256]; /* the file's is not NUL-terminated */
    copy_word(text, sizeof text, line->at, (size_t)(line->end - line->at));
    int n = sscanf(text,
                   "min_idle_ms=%" SCNd64 " max_run_ms=%" SCNd64 " max_attempts=%" SCNd64 " max_deliveries=%" SCNd64
                   " concurrency=%" SCNd64 " resume_ms=%" SCNd64 " backoff_ms=%" SCNd64 " jitter=%" SCNd64
                   " stop_ms=%" SCNd64,
                   &c->min_idle_ms, &c->max_run_ms, &c->max_attempts, &c->max_deliveries, &c->concurrency,
                   &c->resume_ms, &c->backoff_ms, &c->jitter_percent, &c->stop_ms);
    if (n != 9)
        misunderstood(line, "complete configuration");
}

static void ignore(struct history *history, struct cursor *line)
{
    (void)history;
    (void)line;
}

static const struct {
    const char *event;
    void (*read)(struct history *history, struct cursor *line);
} readers[] = {
    {"start", read_start},         {"end", read_end},         {"intent", read_intent},
    {"accepted", read_accepted},   {"refused", read_refused}, {"doubt", read_doubt},
    {"told", read_told},           {"lost", read_lost},       {"note", ignore},
    {"fault", read_fault},         {"spawn", read_spawn},     {"ready", read_ready},
    {"duplicate", read_duplicate}, {"again", read_again},     {"stopped", read_stopped},
    {"exit", read_exit},           {"left", read_left},       {"phase", read_phase},
    {"config", read_config},
};

static void read_line(struct history *history, const char *from, const char *to)
{
    struct cursor line = {.at = from, .end = to};
    line.us = next_number(&line);
    size_t len;
    const char *who = next_word(&line, &len);
    if (len == 0)
        misunderstood(&line, "process");
    line.who = process_of(history, who, len);
    const char *event = next_word(&line, &len);
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        if (!is_word(event, len, readers[i].event))
            continue;
        readers[i].read(history, &line);
        return;
    }
    line.at = from;
    misunderstood(&line, "event that is known");
}

void history_parse(struct history *history, char *text, size_t len)
{
    *history = (struct history){.text = text, .len = len, .load_us = NEVER, .drain_us = NEVER};
    for (const char *at = text, *end = text + len, *newline; at < end; at = newline + 1) {
        newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline)
            break;
        const char *whole = memrchr(at, LINE_START, (size_t)(newline - at));
        if (whole) /* before it there may be part of one, of a process that was killed while it wrote */
            read_line(history, whole + 1, newline);
    }
}

void history_load(struct history *history, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        test_die("%s: %s", path, strerror(errno));
    size_t len = (size_t)st.st_size;
    char *text = len ? mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (text == MAP_FAILED)
        test_die("%s: %s", path, strerror(errno));
    close(fd);
    history_parse(history, text, len);
    history->mapped = len > 0;
}

void history_free(struct history *history)
{
    if (history->mapped)
        munmap(history->text, history->len);
    free(history->jobs);
    free(history->index);
    free(history->runs);
    free(history->processes);
    free(history->faults);
    free(history->lost);
    free(history->fed);
    free(history->leftovers);
    *history = (struct history){0};
}

double history_ms(const struct history *history, int64_t at_us)
{
    return (double)(at_us - (history->load_us == NEVER ? 0 : history->load_us)) / 1000;
}
