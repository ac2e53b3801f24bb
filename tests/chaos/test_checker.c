/* SPDX-License-Identifier: MIT
 *
 * The checker, on histories made by hand. A line here is "ms who event …"; each test begins from the same few.
 */
#include "checker.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two workers and a producer that are alive from the beginning; the load is over at 10 s. */
#define BEGIN                                                                                                          \
    "0 c config min_idle_ms=2000 max_run_ms=5000 max_attempts=3 max_deliveries=3 concurrency=2 resume_ms=1000 "        \
    "backoff_ms=100 jitter=0 stop_ms=2000\n"                                                                           \
    "0 c spawn w0.1\n0 c spawn w1.1\n0 c spawn p0.1\n0 c phase load\n"
#define END "10000 c phase drain\n"

struct judged {
    char *text;
    struct history history;
    struct verdict verdict;
};

/* A history of such lines. */
static char *text_of(const char *lines)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    while (*lines) {
        int len = (int)strcspn(lines, "\n");
        char *rest;
        long ms = strtol(lines, &rest, 10);
        fprintf(out, "@%ld%.*s\n", ms * 1000, (int)(lines + len - rest), rest);
        lines += len + 1;
    }
    fclose(out);
    return text;
}

static struct judged judge(const char *lines)
{
    struct judged judged = {.text = text_of(lines)};
    history_parse(&judged.history, judged.text, strlen(judged.text));
    judged.verdict = check(&judged.history);
    return judged;
}

static void forget(struct judged *judged)
{
    verdict_free(&judged->verdict);
    history_free(&judged->history);
    free(judged->text);
}

/* Exactly these findings, in a set of bits. */
static void expect_at(const char *lines, unsigned expected, int line)
{
    struct judged judged = judge(lines);
    unsigned found = 0;
    for (size_t i = 0; i < judged.verdict.n_findings; i++)
        found |= 1u << judged.verdict.findings[i].kind;
    for (int kind = 0; kind < N_FINDING_KINDS; kind++)
        if ((found ^ expected) & 1u << kind)
            fail_msg("line %d: %s was %sfound", line, finding_name((enum finding_kind)kind),
                     found & 1u << kind ? "" : "not ");
    forget(&judged);
}
#define FINE(lines) expect_at(BEGIN lines END, 0, __LINE__)
#define FINDS(kind, lines) expect_at(BEGIN lines END, 1u << FINDING_##kind, __LINE__)

#define ENQUEUED "100 p0.1 intent a 0 done 1\n101 p0.1 accepted a 1-0\n"
#define RUN "110 w0.1 start a 1-0 1 1\n120 w0.1 end a 1-0 done\n"

/* --- where jobs end --- */

static void what_is_accepted_and_done_is_fine(void **state)
{
    (void)state;
    struct judged judged = judge(BEGIN ENQUEUED RUN END);
    assert_int_equal(judged.verdict.n_findings, 0);
    assert_int_equal(judged.verdict.accepted, 1);
    assert_int_equal(judged.verdict.done, 1);
    forget(&judged);
    FINE("");
}

static void a_lost_job_is_found(void **state)
{
    (void)state;
    FINDS(LOST, ENQUEUED);
    FINDS(LOST, ENQUEUED "110 w0.1 start a 1-0 1 1\n");
    FINDS(LOST, ENQUEUED "110 w0.1 start a 1-0 1 1\n120 w0.1 end a 1-0 retry\n");
    FINDS(LOST, ENQUEUED "110 w0.1 start a 1-0 1 1\n120 w0.1 end a 1-0 reject\n");
}

static void a_job_in_doubt_may_be_there_or_not(void **state)
{
    (void)state;
    FINE("100 p0.1 intent a 0 done 1\n101 p0.1 doubt a\n");
    FINE("100 p0.1 intent a 0 done 1\n101 p0.1 doubt a\n" RUN);
    FINE("100 p0.1 intent a 0 done 1\n" RUN); /* its producer was killed */
    FINDS(LOST, "100 p0.1 intent a 0 done 1\n101 p0.1 doubt a\n110 w0.1 start a 1-0 1 1\n120 w0.1 end a 1-0 retry\n");
    struct judged judged = judge(BEGIN "100 p0.1 intent a 0 done 1\n101 p0.1 doubt a\n" RUN
                                       "130 p0.1 intent b 0 done 1\n131 p0.1 doubt b\n" END);
    assert_int_equal(judged.verdict.in_doubt, 2);
    assert_int_equal(judged.verdict.in_doubt_there, 1);
    forget(&judged);
}

static void a_job_that_should_not_be_there_is_found(void **state)
{
    (void)state;
    FINE("100 p0.1 intent a 0 done 1\n101 p0.1 refused a WEIR_ERR_FULL\n");
    FINDS(GHOST, "100 p0.1 intent a 0 done 1\n101 p0.1 refused a WEIR_ERR_FULL\n" RUN);
    FINDS(GHOST, "100 p0.1 intent a 0 done 1\n101 p0.1 refused a WEIR_ERR_FULL\n20000 c left waiting a 1-0\n");
    FINDS(GHOST, RUN);
}

static void a_job_is_in_one_place(void **state)
{
    (void)state;
    FINE("100 p0.1 intent a 3600000 done 1\n101 p0.1 accepted a x\n20000 c left delayed a 3590000\n");
    FINE("10100 c intent tail-1 0 done\n10101 c accepted tail-1 1-0\n20000 c left waiting tail-1 1-0\n");
    FINDS(STUCK, "100 p0.1 intent a 500 done 1\n101 p0.1 accepted a x\n20000 c left delayed a -19500\n");
    FINDS(STUCK, ENQUEUED "20000 c left waiting a 1-0\n");
    FINDS(STUCK, ENQUEUED "20000 c left pending a 1-0 host:1:x 1\n");
    FINDS(TWO_PLACES, "100 p0.1 intent a 3600000 done 1\n101 p0.1 accepted a x\n20000 c left delayed a 3590000\n"
                      "20000 c left delayed a 3590000\n");
    FINDS(TWO_PLACES, ENQUEUED "110 w0.1 start a 1-0 1 1\n120 w0.1 end a 1-0 reject\n121 w0.1 told a rejected\n"
                               "20000 c left dead a 1 1 rejected\n20000 c left dead a 1 1 rejected\n");
    expect_at(BEGIN ENQUEUED RUN "20000 c left pending a 1-0 host:1:x 1\n" END,
              1u << FINDING_TWO_PLACES | 1u << FINDING_STUCK, __LINE__);
}

#define CALL(name, result) "100 p0.1 intent " name " 0 done\n101 p0.1 " result " " name "\n"
#define REPEAT(name, of, result)                                                                                       \
    "102 p0.1 intent " name " 0 done\n102 p0.1 again " name " " of "\n103 p0.1 " result " " name "\n"

static void an_idempotent_job_is_there_once(void **state)
{
    (void)state;
    FINE(CALL("a", "doubt") REPEAT("b", "a", "duplicate") RUN);
    FINE(CALL("b", "doubt") REPEAT("a", "b", "accepted") RUN);
    FINE(CALL("a", "doubt") REPEAT("b", "a", "doubt") REPEAT("c", "b", "doubt"));
    FINE(CALL("a", "doubt") REPEAT("b", "a", "doubt") REPEAT("c", "b", "duplicate") RUN);
    FINDS(LOST, CALL("a", "doubt") REPEAT("b", "a", "duplicate"));
    FINDS(LOST, CALL("a", "duplicate"));
    FINDS(TWICE,
          CALL("b", "doubt") REPEAT("a", "b", "accepted") RUN "130 w1.1 start b 2-0 1 1\n140 w1.1 end b 2-0 done\n");
    FINDS(TWICE,
          CALL("a", "doubt") REPEAT("b", "a", "doubt") RUN "130 w1.1 start b 2-0 1 1\n140 w1.1 end b 2-0 done\n");
    expect_at(BEGIN CALL("b", "doubt") REPEAT("a", "b", "duplicate") RUN END, 1u << FINDING_GHOST, __LINE__);
}

static void what_is_left_over_is_found(void **state)
{
    (void)state;
    FINDS(LEFT_OVER, "20000 c left key {jobs}:lock\n");
    FINDS(LEFT_OVER, "20000 c left consumer host:1:x\n");
    FINDS(LEFT_OVER, "20000 c left process w0.1\n");
    FINDS(SPOILED, "20000 c left spoiled d123 is delayed and has no payload\n");
}

/* --- dead --- */

#define REJECTED "110 w0.1 start a 1-0 1 1\n120 w0.1 end a 1-0 reject\n"
#define FAILED(ms, attempt) ms "0 w0.1 start a " attempt "-0 " attempt " 1\n" ms "5 w0.1 end a " attempt "-0 retry\n"

static void a_true_reason_is_fine(void **state)
{
    (void)state;
    FINE(ENQUEUED REJECTED "121 w0.1 told a rejected\n20000 c left dead a 1 1 rejected\n");
    FINE(ENQUEUED FAILED("20", "1") FAILED("40", "2")
             FAILED("60", "3") "606 w0.1 told a exhausted\n20000 c left dead a 3 1 exhausted\n");
    FINE("100 c intent c-1 0 bad\n101 c accepted c-1 1-0\n120 w0.1 told c-1 undecodable\n"
         "20000 c left dead c-1 0 1 undecodable\n");
    FINE("100 c intent c-1 0 hang\n101 c accepted c-1 1-0\n110 w0.1 start c-1 1-0 1 1\n9000 w1.1 told c-1 crashed\n"
         "20000 c left dead c-1 0 3 crashed\n");
}

static void a_false_reason_is_found(void **state)
{
    (void)state;
    FINDS(FALSELY_DEAD, ENQUEUED "121 w0.1 told a rejected\n20000 c left dead a 1 1 rejected\n");
    FINDS(FALSELY_DEAD, ENQUEUED FAILED("20", "1")
                            FAILED("40", "2") "606 w0.1 told a exhausted\n20000 c left dead a 3 1 exhausted\n");
    FINDS(FALSELY_DEAD, ENQUEUED FAILED("20", "1")
                            FAILED("40", "2") "606 w0.1 told a exhausted\n20000 c left dead a 2 1 exhausted\n");
    FINDS(FALSELY_DEAD, ENQUEUED "120 w0.1 told a undecodable\n20000 c left dead a 0 1 undecodable\n");
    FINDS(FALSELY_DEAD, ENQUEUED "120 w0.1 told a payload lost\n20000 c left dead a 0 1 payload lost\n");
    FINDS(FALSELY_DEAD, "100 c intent c-1 0 hang\n101 c accepted c-1 1-0\n110 w0.1 start c-1 1-0 1 1\n"
                        "9000 w1.1 told c-1 crashed\n20000 c left dead c-1 0 2 crashed\n");
}

#define KILLED(ms, name) ms " c exit " name " asked signal 9\n"

static void crashed_takes_as_many_deaths(void **state)
{
    (void)state;
    FINE(ENQUEUED KILLED("200", "w0.1") "300 c spawn w0.2\n" KILLED("2500", "w1.1")
             KILLED("5000", "w0.2") "7500 w1.2 told a crashed\n20000 c left dead a 0 3 crashed\n");
    FINDS(FALSELY_DEAD, ENQUEUED KILLED("200", "w0.1") "300 c spawn w0.2\n" KILLED(
                            "2500", "w1.1") "7500 w1.2 told a crashed\n20000 c left dead a 0 3 crashed\n");
    FINDS(FALSELY_DEAD, ENQUEUED KILLED("200", "w0.1")
                            KILLED("2500", "w1.1") "2600 c exit w0.2 asked status 0\n"
                                                   "7500 w1.2 told a crashed\n20000 c left dead a 0 3 crashed\n");
}

static void on_dead_must_have_been_told(void **state)
{
    (void)state;
    FINDS(UNTOLD, ENQUEUED REJECTED "20000 c left dead a 1 1 rejected\n");
    FINDS(UNTOLD, ENQUEUED REJECTED "121 w0.1 told a crashed\n20000 c left dead a 1 1 rejected\n");
}

/* --- runs --- */

#define AGAIN(ms, who) ms " " who " start a 1-0 1 2\n" ms " " who " end a 1-0 done\n"

static void a_second_run_needs_a_reason(void **state)
{
    (void)state;
    FINDS(RUN_AGAIN, ENQUEUED RUN AGAIN("3000", "w1.1"));
    FINDS(RUN_AGAIN, ENQUEUED RUN AGAIN("3000", "w0.1"));
    FINDS(OVERLAP, ENQUEUED "110 w0.1 start a 1-0 1 1\n" AGAIN("3000", "w1.1") "4000 w0.1 end a 1-0 done\n");
    FINDS(OVERLAP, ENQUEUED "110 w0.1 start a 1-0 1 1\n" AGAIN("3000", "w1.1"));
}

static void a_death_explains_what_was_not_reported(void **state)
{
    (void)state;
    FINE(ENQUEUED "110 w0.1 start a 1-0 1 1\n" KILLED("1000", "w0.1") AGAIN("3500", "w1.1"));
    FINE(ENQUEUED RUN KILLED("400", "w0.1") AGAIN("3000", "w1.1"));
    FINDS(RUN_AGAIN, ENQUEUED RUN KILLED("2500", "w0.1") AGAIN("5000", "w1.1"));
    FINDS(RUN_AGAIN, ENQUEUED RUN KILLED("400", "w1.1") AGAIN("3000", "w1.2"));
    FINDS(RUN_AGAIN, ENQUEUED RUN "300 c exit w0.1 asked status 0\n" AGAIN("3000", "w1.1"));
    FINE(ENQUEUED RUN "300 c exit w0.1 asked status 3\n" AGAIN("3000", "w1.1"));
    FINDS(RUN_AGAIN, ENQUEUED RUN KILLED("400", "w0.1") AGAIN("3000", "w1.1") AGAIN("6000", "w1.1"));
    /* it was cut off all the time between */
    FINE(ENQUEUED RUN "125 c fault 1 begin black-hole w0\n" KILLED(
        "2500", "w0.1") "2600 c fault 1 end black-hole w0\n" AGAIN("5000", "w1.1"));
}

#define FAULT(from, to, what) from " c fault 1 begin " what "\n" to " c fault 1 end " what "\n"
#define LONG_RUN "110 w0.1 start a 1-0 1 1\n" AGAIN("3000", "w1.1") "4000 w0.1 end a 1-0 done\n"

static void a_lost_lease_explains_an_overlap(void **state)
{
    (void)state;
    FINE(ENQUEUED FAULT("200", "2900", "stop-worker w0") LONG_RUN);
    FINE(ENQUEUED FAULT("200", "2900", "black-hole w0") LONG_RUN);
    FINE(ENQUEUED FAULT("200", "2900", "one-way workers") LONG_RUN);
    FINE(ENQUEUED FAULT("200", "2900", "redis-stop -") LONG_RUN);
    FINE(ENQUEUED FAULT("900", "1600", "client-pause -") "2900 c lost 1000000 machine\n" LONG_RUN);
}

static void what_costs_no_lease_explains_nothing(void **state)
{
    (void)state;
    FINDS(OVERLAP, ENQUEUED FAULT("2000", "2000", "cut w0") LONG_RUN);
    FINDS(OVERLAP, ENQUEUED FAULT("2000", "2300", "redis-kill -") LONG_RUN);
    FINDS(OVERLAP, ENQUEUED FAULT("200", "2900", "stop-worker w3") LONG_RUN);
    FINDS(OVERLAP, ENQUEUED FAULT("200", "2900", "black-hole producers") LONG_RUN);
    FINDS(OVERLAP, ENQUEUED FAULT("200", "2900", "script-flush -") LONG_RUN);
    FINDS(OVERLAP, ENQUEUED FAULT("200", "2900", "clock-jump w0") LONG_RUN);
    FINDS(OVERLAP, ENQUEUED FAULT("200", "2900", "stop-producer p0") LONG_RUN);
    FINDS(OVERLAP, ENQUEUED FAULT("3100", "5000", "stop-worker w0") LONG_RUN); /* afterwards */
    /* it was over, and reported, before the fault */
    FINDS(RUN_AGAIN, ENQUEUED RUN FAULT("1000", "3500", "stop-worker w0") AGAIN("4000", "w1.1"));
    /* the fault was over before the job was there */
    FINDS(RUN_AGAIN,
          FAULT("1000", "3500",
                "stop-worker w0") "4100 p0.1 intent a 0 done 1\n4101 p0.1 accepted a 1-0\n"
                                  "4110 w0.1 start a 1-0 1 1\n4120 w0.1 end a 1-0 done\n" AGAIN("6200", "w1.1"));
}

static void what_a_suspended_worker_had_in_hand_is_explained(void **state)
{
    (void)state;
    FINE(ENQUEUED FAULT("105", "4000", "stop-worker w1") "2200 w0.1 start a 1-0 1 2\n2210 w0.1 end a 1-0 done\n"
                                                         "4001 w1.1 start a 1-0 1 1\n4002 w1.1 end a 1-0 done\n");
    FINDS(RUN_AGAIN,
          ENQUEUED FAULT(
              "105", "4000",
              "stop-worker w1") "2200 w0.1 start a 1-0 1 2\n"
                                "2210 w0.1 end a 1-0 done\n6000 w1.1 start a 1-0 1 3\n6001 w1.1 end a 1-0 done\n");
}

#define BORN_LATE(spawned, started)                                                                                    \
    "110 w0.1 start a 1-0 1 1\n" KILLED("150", "w1.1") FAULT("200", "2400", "stop-worker w0") spawned                  \
        " c spawn w1.2\n" AGAIN(started, "w1.2") "5200 w0.1 end a 1-0 done\n"

/* Of its own former life, or of a third that handed it back. */
static void a_worker_may_start_what_was_claimed_before_it_was_born(void **state)
{
    (void)state;
    FINE(ENQUEUED BORN_LATE("3650", "3660"));
    FINDS(OVERLAP, ENQUEUED BORN_LATE("4970", "4980")); /* too late for that */
}

/* Whoever has lost a job explains one other run of it; what comes after that is the next owner's affair. */
static void what_was_taken_over_is_its_new_owners(void **state)
{
    (void)state;
    FINE(ENQUEUED
         "110 w0.1 start a 1-0 1 1\n" FAULT("200", "2300", "stop-worker w0") "2310 w1.1 start a 1-0 1 2\n" KILLED(
             "4600", "w1.1") "4650 c spawn w1.2\n" AGAIN("4700", "w1.2"));
    FINDS(OVERLAP, ENQUEUED "110 w0.1 start a 1-0 1 1\n" FAULT(
                       "200", "2300", "stop-worker w0") "2310 w1.1 start a 1-0 1 2\n" AGAIN("4700", "w0.2"));
    /* the second run was late, and took nothing over */
    FINDS(OVERLAP, ENQUEUED FAULT("105", "4000",
                                  "stop-worker w1") "2200 w0.1 start a 1-0 1 2\n"
                                                    "4001 w1.1 start a 1-0 1 1\n" KILLED(
                                                        "4100", "w1.1") "4150 c spawn w1.2\n" AGAIN("6500", "w1.2"));
}

static void a_run_beyond_max_run_explains_another(void **state)
{
    (void)state;
    FINE(ENQUEUED "110 w0.1 start a 1-0 1 1\n" AGAIN("7200", "w1.1") "8000 w0.1 end a 1-0 done\n");
}

static void a_retry_follows_a_failure(void **state)
{
    (void)state;
    FINE(ENQUEUED FAILED("20", "1") "310 w1.1 start a 2-0 2 1\n320 w1.1 end a 2-0 done\n");
    FINDS(EARLY, ENQUEUED FAILED("20", "1") "270 w1.1 start a 2-0 2 1\n320 w1.1 end a 2-0 done\n");
    FINDS(WRONG_ATTEMPT, ENQUEUED "310 w1.1 start a 2-0 2 1\n320 w1.1 end a 2-0 done\n");
    FINDS(WRONG_ATTEMPT, ENQUEUED FAILED("20", "1") "910 w1.1 start a 2-0 3 1\n920 w1.1 end a 2-0 done\n");
    FINDS(RUN_AGAIN, ENQUEUED RUN "610 w1.1 start a 2-0 2 1\n620 w1.1 end a 2-0 done\n");
}

#define NO_BACKOFF                                                                                                     \
    "0 c config min_idle_ms=2000 max_run_ms=5000 max_attempts=3 max_deliveries=3 concurrency=2 resume_ms=1000 "        \
    "backoff_ms=-1 jitter=0 stop_ms=2000\n0 c spawn w0.1\n0 c spawn w1.1\n0 c phase load\n"

static void without_backoff_only_a_failure_leads_to_another_run(void **state)
{
    (void)state;
    expect_at(NO_BACKOFF ENQUEUED FAILED("20", "1") "2310 w1.1 start a 1-0 2 2\n2320 w1.1 end a 1-0 done\n" END, 0,
              __LINE__);
    expect_at(NO_BACKOFF ENQUEUED "110 w0.1 start a 1-0 1 1\n" KILLED(
                  "200", "w0.1") "2310 w1.1 start a 1-0 2 2\n2320 w1.1 end a 1-0 done\n" END,
              0, __LINE__);
    expect_at(NO_BACKOFF ENQUEUED RUN "2310 w1.1 start a 1-0 2 2\n2320 w1.1 end a 1-0 done\n" END,
              1u << FINDING_RUN_AGAIN, __LINE__);
    expect_at(NO_BACKOFF ENQUEUED FAILED("20", "1") FAILED("40", "2")
                  FAILED("60", "3") "606 w0.1 told a exhausted\n20000 c left dead a 3 3 exhausted\n" END,
              0, __LINE__);
    expect_at(NO_BACKOFF ENQUEUED FAILED("20", "1")
                  FAILED("40", "2") "606 w0.1 told a exhausted\n20000 c left dead a 3 3 exhausted\n" END,
              1u << FINDING_FALSELY_DEAD, __LINE__);
}

static void nothing_runs_before_its_time(void **state)
{
    (void)state;
    FINDS(EARLY, "50 w0.1 start a 1-0 1 1\n60 w0.1 end a 1-0 done\n" ENQUEUED);
    FINE("100 p0.1 intent a 500 done 1\n101 p0.1 accepted a x\n600 w0.1 start a 1-0 1 1\n610 w0.1 end a 1-0 done\n");
    FINDS(EARLY,
          "100 p0.1 intent a 500 done 1\n101 p0.1 accepted a x\n580 w0.1 start a 1-0 1 1\n610 w0.1 end a 1-0 done\n");
}

/* --- processes --- */

/* The lines of a feeder, a job each 10 ms between, all run by w1 at once; so that only w0 is in question. */
static char *feed(const char *head, int from_ms, int to_ms, const char *tail)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "%s%d w1.1 ready\n", head, from_ms);
    for (int ms = from_ms; ms < to_ms; ms += 10) {
        fprintf(out, "%d c intent c-%d 0 done\n%d c accepted c-%d %d-0\n", ms, ms, ms, ms, ms);
        fprintf(out, "%d w1.1 start c-%d %d-0 1 1\n%d w1.1 end c-%d %d-0 done\n", ms + 1, ms, ms, ms + 2, ms, ms);
    }
    fputs(tail, out);
    fclose(out);
    return text;
}

static void stalls(unsigned expected, const char *head, const char *tail, int line)
{
    char *text = feed(head, 0, 10000, tail);
    expect_at(text, expected, line);
    free(text);
}
#define STALLS(head) stalls(1u << FINDING_STALL, BEGIN head, END, __LINE__)
#define FLOWS(head) stalls(0, BEGIN head, END, __LINE__)

/* w0 starts a job at these times. */
#define ONE(ms, name)                                                                                                  \
    ms " c intent " name " 0 done\n" ms " c accepted " name " 1-0\n" ms " w0.1 start " name " 1-0 1 1\n" ms            \
       " w0.1 end " name " 1-0 done\n"
#define FLOW(from, name) ONE(from "000", name "0") ONE(from "600", name "1")
#define UP_TO_5 FLOW("0", "a") FLOW("1", "b") FLOW("2", "c") FLOW("3", "d") FLOW("4", "e")
#define FROM_7 FLOW("7", "f") FLOW("8", "g") FLOW("9", "h")

static void a_worker_that_does_nothing_stalls(void **state)
{
    (void)state;
    FLOWS("0 w0.1 ready\n" UP_TO_5 FLOW("5", "x") FLOW("6", "y") FROM_7);
    FLOWS(""); /* it never got ready */
    STALLS("0 w0.1 ready\n");
    STALLS("0 w0.1 ready\n" UP_TO_5 FROM_7);
    STALLS("0 w0.1 ready\n" UP_TO_5 FLOW("5", "x"));
}

static void a_silence_has_excuses(void **state)
{
    (void)state;
    FLOWS("0 w0.1 ready\n" UP_TO_5 FAULT("4700", "6300", "black-hole w0") FROM_7);
    FLOWS("0 w0.1 ready\n" UP_TO_5 FAULT("4700", "6300", "redis-stop -") FROM_7);
    FLOWS("0 w0.1 ready\n" UP_TO_5 "6000 c lost 1000000 machine\n6900 c lost 600000 machine\n" FROM_7);
    FLOWS("0 w0.1 ready\n" UP_TO_5 "4650 c fault 1 begin term-worker w0\n4650 c fault 1 end term-worker w0\n"
          "6950 c exit w0.1 asked status 0\n");
    FLOWS("0 w0.1 ready\n" UP_TO_5 KILLED("5000", "w0.1"));
    FLOWS("0 w0.1 ready\n" UP_TO_5 "4700 c intent l0 0 done\n4700 c accepted l0 1-0\n4700 c intent l1 0 done\n"
          "4700 c accepted l1 2-0\n4700 w0.1 start l0 1-0 1 1\n4700 w0.1 start l1 2-0 1 1\n6900 w0.1 end l0 1-0 done\n"
          "6900 w0.1 end l1 2-0 done\n" FROM_7);
}

static void a_silence_has_no_other_excuses(void **state)
{
    (void)state;
    STALLS("0 w0.1 ready\n" UP_TO_5 FAULT("4700", "5500", "black-hole w0") FROM_7); /* 1.5 s to resume */
    STALLS("0 w0.1 ready\n" UP_TO_5 FAULT("4700", "6300", "black-hole w3") FROM_7);
    STALLS("0 w0.1 ready\n" UP_TO_5 FAULT("4700", "6300", "black-hole producers") FROM_7);
    STALLS("0 w0.1 ready\n" UP_TO_5 "6000 c lost 900000 machine\n" FROM_7);
    STALLS("0 w0.1 ready\n" UP_TO_5 "4700 c intent l0 0 done\n4700 c accepted l0 1-0\n4700 w0.1 start l0 1-0 1 1\n"
           "6900 w0.1 end l0 1-0 done\n" FROM_7); /* one slot of two */
}

static void nothing_to_do_is_no_stall(void **state)
{
    (void)state;
    char *text = feed(BEGIN "0 w0.1 ready\n" ONE("0", "a") ONE("800", "b"), 0, 1000, END);
    expect_at(text, 0, __LINE__);
    free(text);
}

static void a_stop_keeps_its_deadline(void **state)
{
    (void)state;
    FINE("4000 w0.1 stopped 2090000 WEIR_ERR_DEADLINE\n4010 c exit w0.1 asked status 3\n");
    FINDS(LATE_STOP, "4000 w0.1 stopped 2110000 WEIR_OK\n4010 c exit w0.1 asked status 0\n");
    FINDS(LATE_STOP, FAULT("1000", "3900", "redis-stop -") "4000 w0.1 stopped 2500000 WEIR_ERR_DEADLINE\n");
    FINE(FAULT("3000", "3900", "stop-worker w0") "4000 w0.1 stopped 2500000 WEIR_ERR_DEADLINE\n");
    FINE("3000 c lost 500000 machine\n4000 w0.1 stopped 2500000 WEIR_ERR_DEADLINE\n");
}

static void a_process_dies_for_a_reason(void **state)
{
    (void)state;
    FINE("500 c exit w0.1 asked signal 9\n");
    FINE("500 c exit w0.1 asked status 0\n");
    FINE("500 c exit p0.1 asked signal 9\n");
    FINE("100 c intent a 0 crash\n101 c refused a x\n500 c exit w0.1 asked status 3\n");
    FINDS(DIED, "500 c exit w0.1 unasked signal 11\n");
    FINDS(DIED, "500 c exit w0.1 unasked status 0\n");
    FINDS(DIED, "500 c exit w0.1 asked status 1\n");
    FINDS(DIED, "500 c exit w0.1 asked signal 6\n");
    FINDS(DIED, "500 c exit p0.1 unasked signal 11\n");
    FINDS(DIED, "500 c exit p0.1 asked status 3\n");
    FINE("100 c intent c-1 0 crash\n101 c accepted c-1 1-0\n110 w0.1 start c-1 1-0 1 1\n"
         "111 c exit w0.1 unasked signal 11\n9000 w1.1 told c-1 crashed\n20000 c left dead c-1 0 3 crashed\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_accepted_and_done_is_fine),
        cmocka_unit_test(a_lost_job_is_found),
        cmocka_unit_test(a_job_in_doubt_may_be_there_or_not),
        cmocka_unit_test(a_job_that_should_not_be_there_is_found),
        cmocka_unit_test(a_job_is_in_one_place),
        cmocka_unit_test(an_idempotent_job_is_there_once),
        cmocka_unit_test(what_is_left_over_is_found),
        cmocka_unit_test(a_true_reason_is_fine),
        cmocka_unit_test(a_false_reason_is_found),
        cmocka_unit_test(crashed_takes_as_many_deaths),
        cmocka_unit_test(on_dead_must_have_been_told),
        cmocka_unit_test(a_second_run_needs_a_reason),
        cmocka_unit_test(a_death_explains_what_was_not_reported),
        cmocka_unit_test(a_lost_lease_explains_an_overlap),
        cmocka_unit_test(what_costs_no_lease_explains_nothing),
        cmocka_unit_test(a_worker_may_start_what_was_claimed_before_it_was_born),
        cmocka_unit_test(what_a_suspended_worker_had_in_hand_is_explained),
        cmocka_unit_test(what_was_taken_over_is_its_new_owners),
        cmocka_unit_test(a_run_beyond_max_run_explains_another),
        cmocka_unit_test(a_retry_follows_a_failure),
        cmocka_unit_test(without_backoff_only_a_failure_leads_to_another_run),
        cmocka_unit_test(nothing_runs_before_its_time),
        cmocka_unit_test(a_worker_that_does_nothing_stalls),
        cmocka_unit_test(a_silence_has_excuses),
        cmocka_unit_test(a_silence_has_no_other_excuses),
        cmocka_unit_test(nothing_to_do_is_no_stall),
        cmocka_unit_test(a_stop_keeps_its_deadline),
        cmocka_unit_test(a_process_dies_for_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
