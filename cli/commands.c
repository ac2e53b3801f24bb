/* SPDX-License-Identifier: MIT */
#include "commands.h"

#include <stdint.h>
#include <string.h>

enum { ANY = SIZE_MAX };

const struct command commands[] = {
    {
        "enqueue",
        "put jobs into a queue",
        "Prints the job's id. A field's value may be any text; it is separated from the name by the first =.\n"
        "\n"
        "With --file each line is a job as JSON: {\"fields\": {\"to\": \"ada@example.org\", \"n\": 3}}, and besides, "
        "where "
        "wanted, \"id\", \"delay_ms\", \"run_at_ms\", \"idempotency_ms\" and \"traceparent\". Values are texts, "
        "numbers or "
        "booleans, or {\"base64\": \"…\"} for any bytes. For names that repeat, \"fields\" may be a list: "
        "[{\"name\": \"to\", \"value\": \"a\"}, …]. A file is checked as a whole before anything is enqueued; what "
        "comes "
        "from a pipe is checked as it comes. --delay, --at and --idempotency are for the lines that don't say "
        "themselves.\n"
        "\n"
        "Where some of the lines fail, it says which, and which --skip goes on. With ids and --idempotency, the same "
        "file can then be given "
        "again: "
        "what is there is not added twice.",
        {{NULL, USE_ENQUEUE, "STREAM FIELD=VALUE… | STREAM --file FILE", NULL, 1, ANY, false, enqueue_run}},
        {{"weir enqueue emails to=ada@example.org subject='Hello, Ada'", "one job"},
         {"weir enqueue emails --delay 5m --id mail-17 --idempotency 1h to=ada@example.org",
          "in five minutes; said again within the hour, it adds nothing"},
         {"weir enqueue emails --file jobs.ndjson", "all lines of a file"},
         {"make-jobs | weir enqueue emails --file -", "from another program"}},
    },
    {
        "ls",
        "list queues, and what is wrong with them",
        "A queue for each stream, and for what has delayed jobs or dead letters. PATTERN is a glob: *, ? and [abc].\n"
        "\n"
        "waiting: jobs that nobody has read yet. running: read and not finished. oldest: for how long a job could have "
        "run "
        "and has not. workers: those that were seen lately. why: what keeps it from moving; weir stats says more about "
        "it. A queue with several consumer groups has a line for each.",
        {{NULL, USE_LS, "[PATTERN]", NULL, 0, 1, false, ls_run}},
        {{"weir ls", "all queues"},
         {"weir ls 'mail:*' --trouble", "those that begin so, and have a problem"},
         {"weir ls --json | jq -r '.items[] | select(.dead > 0).stream'", "queues with dead letters"}},
    },
    {
        "stats",
        "show how a queue is, and why it isn't moving",
        "Numbers of the queue, of its consumer groups and their workers, and, where something is wrong, what it is and "
        "what to do about it. With --watch also rates: jobs added, finished and died a second.",
        {{NULL, USE_STATS, "STREAM", NULL, 1, 1, true, stats_run}},
        {{"weir stats emails", "now"},
         {"weir stats emails --watch", "as it changes; Ctrl-C ends it"},
         {"weir stats emails --json", "for programs"}},
    },
    {
        "top",
        "watch all queues live",
        "Needs a terminal, or --json, which prints an object a line until it is interrupted. Keys: q ends it; n, w, r, "
        "o, f, d sort by name, waiting, running, oldest, finished a second "
        "and "
        "dead; t shows only queues with trouble; arrows, page up and page down move.",
        {{NULL, USE_TOP, "[PATTERN]", NULL, 0, 1, false, top_run}},
        {{"weir top", "all queues, every two seconds"},
         {"weir top 'mail:*' --interval 500ms", "some, more often"},
         {"weir top --json --interval 1m | jq -c '.items[] | [.stream, .rates.finished]'", "for programs"}},
    },
    {
        "pending",
        "list the jobs that workers have in hand",
        "Oldest first. idle: since it was handed out, or its lease renewed. deliveries: how often it was handed out "
        "without an answer; above 1, a worker died with it or lost it.",
        {{"ls", USE_PENDING, "STREAM [ls]", "list them", 1, 1, true, pending_run},
         {"show", USE_PENDING_SHOW, "STREAM show ENTRY…", "show an entry of the stream with its fields", 2, ANY, false,
          pending_show}},
        {{"weir pending emails", "the first of them"},
         {"weir pending emails --consumer host:17:ab --all", "all that one worker has"},
         {"weir pending emails show 1700000000000-0", "what that job is"}},
    },
    {
        "delayed",
        "list delayed jobs, run them now, delete them",
        "Delayed jobs are those that were enqueued with a delay, and those that failed and will be tried again.",
        {{"ls", USE_DELAYED_LS, "STREAM [ls]", "list them, those due first first", 1, 1, true, delayed_ls},
         {"run", USE_DELAYED_RUN, "STREAM run ID…", "move them into the stream now", 2, ANY, false, delayed_run},
         {"rm", USE_DELAYED_RM, "STREAM rm ID…", "delete them for good; asks before", 2, ANY, false, delayed_rm}},
        {{"weir delayed emails", "what is due next"},
         {"weir delayed emails run mail-17", "don't wait for it"},
         {"weir delayed emails rm mail-17 mail-18 --yes", "without being asked"}},
    },
    {
        "dead",
        "list dead letters, look at them, put them back, delete them",
        "Dead letters are jobs that nothing will try again: they failed too often (exhausted), killed "
        "their workers (crashed), were rejected or can't be decoded. Requeueing puts a job back into its stream, as "
        "fresh as "
        "it was. --all means those that are dead when the command begins.",
        {{"ls", USE_DEAD_LS, "STREAM [ls]", "list them, oldest first", 1, 1, true, dead_ls},
         {"show", USE_DEAD_SHOW, "STREAM show ID…", "show them with all fields", 2, ANY, false, dead_show},
         {"requeue", USE_DEAD_REQUEUE, "STREAM requeue ID… | --all", "put them back into the queue", 1, ANY, false,
          dead_requeue},
         {"purge", USE_DEAD_PURGE, "STREAM purge ID… | --all", "delete them for good; asks before", 1, ANY, false,
          dead_purge}},
        {{"weir dead emails --newest", "what died last"},
         {"weir dead emails show 1700000000000-0", "one with everything that is known of it"},
         {"weir dead emails requeue --all --reason crashed", "all that crashed their workers"},
         {"weir dead emails purge --all --yes", "delete all without being asked"}},
    },
    {
        "pause",
        "stop all workers of a queue from taking jobs",
        "They finish what they have. The pause survives restarts of workers and server, until weir resume. Jobs can be "
        "enqueued meanwhile.",
        {{NULL, USE_PAUSE, "STREAM…", NULL, 1, ANY, true, pause_run}},
        {{"weir pause emails", "until further notice"}},
    },
    {
        "resume",
        "let workers take jobs again",
        "Ends what weir pause began.",
        {{NULL, USE_RESUME, "STREAM…", NULL, 1, ANY, true, resume_run}},
        {{"weir resume emails", "go on"}},
    },
    {
        "reap",
        "forget consumers that are gone",
        "Deletes consumers that were not seen for a while and have nothing in hand; what has is left alone. Workers do "
        "so "
        "by themselves after an hour.",
        {{NULL, USE_REAP, "STREAM…", NULL, 1, ANY, true, reap_run}},
        {{"weir reap emails", "of all its groups"}, {"weir reap emails --group senders --idle 1h", "of one"}},
    },
    {
        "check",
        "look a server and its queues over",
        "Tells what endangers jobs (settings of the server) and what is stuck or lost, in words, and what to do about "
        "it. "
        "Without a stream all queues are checked. Changes nothing without --repair. Ends with 8 where there are "
        "warnings or "
        "errors.",
        {{NULL, USE_CHECK, "[STREAM…]", NULL, 0, ANY, true, check_run}},
        {{"weir check", "everything"}, {"weir check emails --repair", "one queue; and mend what can be mended"}},
    },
    {
        "serve",
        "serve a dashboard, an API and metrics by HTTP",
        "Prints the address, and serves until it is interrupted: the dashboard at /, the API under /api, /metrics for "
        "Prometheus, /health and /ready. It listens on this host alone unless --address says otherwise. Without a "
        "token it "
        "only shows; with one, whoever has it may also change something, and nobody else sees anything of jobs.\n"
        "\n"
        "To systemd it tells how it is, see weir-serve.service: that it is ready once it listens and has reached "
        "Redis, "
        "and to the watchdog that it is alive for as long as the loop that serves HTTP goes round. Where Redis is away "
        "at the start it is ready after ten seconds all the same, says so in its status and on its pages, and tries "
        "again; one that goes away later is no reason to be restarted.",
        {{NULL, USE_SERVE, "[OPTION…]", NULL, 0, 0, false, serve_run}},
        {{"weir serve", "to look, on this host"},
         {"weir serve --new-token", "to act as well: open the address that it prints"},
         {"weir serve --address 0.0.0.0 --token-file /etc/weir/token --host weir.example.org", "for others, too"}},
    },
    {
        "bench",
        "measure how fast weir is here",
        "Runs weir-bench, where it is installed with weir or lies in PATH; all that follows is for it. Alone it lists "
        "what "
        "can be measured.",
        {{NULL, USE_BENCH, "[SUBCOMMAND…]", NULL, 0, ANY, false, bench_run}},
        {{"weir bench", "what can be measured"},
         {"weir bench enqueue --quick", "a first impression"},
         {"weir bench consume --url redis://127.0.0.1/5", "on a server of your own"}},
    },
};
const size_t n_commands = sizeof commands / sizeof *commands;

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < n_commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}
