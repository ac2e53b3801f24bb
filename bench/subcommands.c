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
    {0},
};
