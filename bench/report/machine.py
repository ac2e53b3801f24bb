#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints what the measurements are taken on, as JSON.

    machine.py BUILD
"""

import datetime
import json
import os
import platform
import re
import shlex
import subprocess
import sys


def first_line(*command):
    try:
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True).stdout.decode()
        return out.split('\n')[0]
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'


def cpu_model():
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        found = re.search(r'^model name\s*:\s*(.*)$', file.read(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def memory_gb():
    return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30


def compiler(build):
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as file:
        command = shlex.split(json.load(file)[0]['command'])
    words = [word for word in command[:2] if not word.startswith('-')]  # "cc", or "ccache cc"
    return first_line(*words, '--version')


def build_options(build):
    with open(os.path.join(build, 'meson-info', 'intro-buildoptions.json'), encoding='utf-8') as file:
        options = {option['name']: option['value'] for option in json.load(file)}
    return f'buildtype={options["buildtype"]}, b_ndebug={options["b_ndebug"]}'


def main(build):
    redis = first_line(os.environ.get('WEIR_BENCH_REDIS_SERVER') or 'redis-server', '--version')
    hiredis = first_line('pkg-config', '--modversion', 'hiredis')
    cores = len(os.sched_getaffinity(0))
    facts = {
        'date': datetime.date.today().isoformat(),
        'processor': cpu_model(),
        'cores': f'{cores}, shared by the server and what is measured',
        'memory': f'{memory_gb():.0f} GB',
        'kernel': f'{platform.system()} {platform.release()}',
        'server': re.sub(r' (sha|malloc|bits|build)=\S+', '', redis) + ', started for each measurement',
        'hiredis': hiredis,
        'compiler': compiler(build),
        'build': build_options(build),
        'load average before the start': f'{os.getloadavg()[0]:.2f}',
    }
    print(json.dumps({'facts': facts, 'load': os.getloadavg()[0], 'cores': cores}))


main(*sys.argv[1:])
