/* SPDX-License-Identifier: MIT */
#include "subcommands.h"

#include "options.h"

const struct command subcommands[] = {
    {"limit", "what bare hiredis gets out of the server: no library, tuned by hand",
     "\nOverlapped pipelines of XADD, and XREADGROUP with several reads outstanding and an XACK for each whole "
     "answer,\n"
     "on one connection and one thread, in many sizes: the fastest is the limit that the other subcommands compare\n"
     "with. Figures are jobs a second, and processor time a job of this process and of the server.\n"
     "Defaults: 200000 jobs, 5 runs; --batch tries that size alone.\n\n"
     "examples:\n  weir-bench limit\n  weir-bench limit --unix --payload 1000 --fields 5\n",
     TAKES_JOBS | TAKES_PAYLOAD | TAKES_RUNS | TAKES_BATCH, limit_run},
    {"enqueue", "weir_enqueue from several threads, and weir_enqueue_bulk, against the limit",
     "\nThreads that share a producer enqueue one job a call; weir_enqueue_bulk enqueues --batch jobs a call. The\n"
     "reference is a hand-tuned pipeline of XADD. speedup_ratio: against one thread in the same run.\n"
     "Defaults: 400000 jobs in bulk and a part of them one by one, 7 runs, threads 1,4,16, 1000 jobs a bulk.\n\n"
     "examples:\n  weir-bench enqueue\n  weir-bench enqueue --threads 1,64 --payload 1000 --json\n",
     TAKES_JOBS | TAKES_PAYLOAD | TAKES_RUNS | TAKES_BATCH | TAKES_THREADS, enqueue_run},
    {"consume", "read, run, ack from a filled stream, against the limit",
     "\nA queue with a handler that does nothing, at several limits of concurrency; and, unless --concurrency says\n"
     "otherwise, once with finished entries being trimmed (retention unfinished). The reference reads and acks with\n"
     "bare hiredis, with as many reads of as many jobs as is fastest here, or of --batch jobs.\n"
     "Defaults: 400000 jobs, 5 runs, concurrency 1,10,100,1000.\n\n"
     "examples:\n  weir-bench consume\n  weir-bench consume --concurrency 1,16 --payload 2000 --runs 11\n",
     TAKES_JOBS | TAKES_PAYLOAD | TAKES_RUNS | TAKES_BATCH | TAKES_CONCURRENCY, consume_run},
    {"latency", "from enqueue to handler at 1, 1000 and 20000 jobs a second, against a bare pair",
     "\nJobs are due on a schedule, and latencies count from when each was due, so that a stall counts for all that "
     "it\n"
     "held up. The reference is a pipeline of XADD and a blocked XREADGROUP. ratio is of p50.\n"
     "Defaults: 4, 3000 and 40000 jobs, 3 runs.\n\n"
     "examples:\n  weir-bench latency\n  weir-bench latency --runs 7 --delay-us 1000\n",
     TAKES_JOBS | TAKES_PAYLOAD | TAKES_RUNS, latency_run},
    {"e2e", "a producer and a worker at once: jobs a second, and the processor time of each",
     "\nThe producer enqueues in bulk, the worker (concurrency 100) runs a handler that does nothing; each is a "
     "process.\n"
     "A run ends with the last ack. Processor time is per job, for worker, producer and server apart. The reference\n"
     "does the same with bare hiredis. With fewer than three cores they compete for them.\n"
     "Defaults: 400000 jobs, 5 runs, 1000 jobs a bulk.\n\n"
     "examples:\n  weir-bench e2e\n  weir-bench e2e --jobs 2000000 --runs 3\n",
     TAKES_JOBS | TAKES_PAYLOAD | TAKES_RUNS | TAKES_BATCH, e2e_run},
    {"memory", "bytes of a job in flight, growth over millions, allocations, and the cost of a large backlog",
     "\nin flight: jobs that were begun and not finished, in bytes as malloc counts them, and by weir_queue_stats.\n"
     "growth: resident memory and allocations of the worker while another process fills its stream, from the first\n"
     "tenth of the jobs to the last. backlog: what a job costs while so many wait, by the clock and in processor "
     "time;\n"
     "ratio is against the smallest backlog.\n"
     "Defaults: 5000000 jobs for growth, concurrency 100, 3 runs of each backlog up to 10 million, which takes 2 GB "
     "of\n"
     "the server's memory.\n\n"
     "examples:\n  weir-bench memory\n  weir-bench memory --jobs 50000000 --concurrency 1,100\n",
     TAKES_JOBS | TAKES_PAYLOAD | TAKES_RUNS | TAKES_CONCURRENCY, memory_run},
    {"claim", "taking over what dead consumers left pending, and what looking for it costs",
     "\ntake over: jobs are pending for consumers that died an hour ago; the time from weir_queue_start until all "
     "have\n"
     "run and are acked, against XAUTOCLAIM and XACK in turns. nothing to take over: what an idle queue costs the\n"
     "server while nothing is pending, or as many are, for a live consumer.\n"
     "Defaults: 100000 jobs, 5 runs.\n\n"
     "examples:\n  weir-bench claim\n  weir-bench claim --jobs 1000000 --runs 3\n",
     TAKES_JOBS | TAKES_PAYLOAD | TAKES_RUNS, claim_run},
    {"idle", "what 1 and 100 queues cost that have nothing to do",
     "\nProcessor time (percent of a core), wake-ups of the process' threads, commands on the server, threads and\n"
     "connections, over 20 seconds.\n\n"
     "examples:\n  weir-bench idle\n  weir-bench idle --json\n",
     0, idle_run},
#ifdef HAVE_CONTROL
    {"flood", "jobs a second while the control plane in the same process is flooded with requests",
     "\nA worker with the control plane inside, left in peace and under attack in turns: eight clients that ask as\n"
     "fast as they are answered, two that speak no HTTP, and 1,000 connections that send a byte now and then. Once "
     "with handlers that take 5 ms, and once with handlers that do nothing, where the flood\n"
     "takes processor time that jobs would have used.\n"
     "Defaults: 40000 jobs, 20 times as many of those that do nothing, 5 runs.\n\n"
     "examples:\n  weir-bench flood\n  weir-bench flood --jobs 100000 --runs 3\n",
     TAKES_JOBS | TAKES_PAYLOAD | TAKES_RUNS, flood_measure},
#endif
#ifdef HAVE_CODEGEN
    {"codec", "a generated mapper against one written by hand",
     "\nNanoseconds of processor time to encode a struct of six fields, and to decode it. No server is asked.\n"
     "Defaults: 1000000 jobs, 7 runs.\n\n"
     "examples:\n  weir-bench codec\n  weir-bench codec --jobs 10000000 --runs 3\n",
     TAKES_JOBS | TAKES_RUNS, codec_run},
#endif
    {0},
};
