#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The checker's own test: brokers that break a promise are found out.

    broken.py CHAOS_BROKEN

Each fault of broken_broker.c has a run of its own, and the finding that must be in its verdict. Runs mostly wait, so
they go on at the same time. A machine that was too busy to do much in so short a run gets a longer one, once.
"""

import os
import subprocess
import sys

SEED = 5  # failed jobs are delayed, and all connections are killed early enough for a stall
SECONDS = (4, 20)
FAULTS = {
    'lost-ack': 'RUN_AGAIN',
    'ack-unrun': 'LOST',
    'double-claim': 'OVERLAP',
    'retry-no-ack': 'RUN_AGAIN',
    'ack-no-retry': 'LOST',
    'slow-return': 'STALL',
}


def start(program, fault, seconds):
    return subprocess.Popen(
        [program, '--seconds', str(seconds), '--seed', str(SEED), '--expect', FAULTS[fault]],
        env=os.environ | {'WEIR_CHAOS_BROKEN': fault}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def not_found(program, faults, seconds):
    runs = {fault: start(program, fault, seconds) for fault in faults}
    missed = []
    for fault, run in runs.items():
        output = run.communicate()[0]
        print(f'== {fault}, {seconds} s of load: {FAULTS[fault]} {"found" if run.returncode == 0 else "not found"}')
        if run.returncode == 0:
            print('   ' + output.splitlines()[-2])
        else:
            print(output)
            missed.append(fault)
    return missed


def main():
    faults = list(FAULTS)
    for seconds in SECONDS:
        faults = not_found(sys.argv[1], faults, seconds)
    return bool(faults)


if __name__ == '__main__':
    sys.exit(main())
