#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs weir and its peers on one Redis, interleaved, and writes what was measured as JSON.

    measure.py --url URL --out FILE [options] PEER…

scripts/bench-peers starts it, with a server of its own. For each peer it first tries the settings of the peer's
peer.json, which is the warm-up too, and keeps the fastest; then, in each round, weir enqueues and works off a backlog,
then the peer does, and the ratio of the two is taken. All keys are deleted before each. After each the server is asked
whether as many jobs were waiting as were enqueued, and whether none is left.
"""

import argparse
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
MODES = ('enqueue', 'consume')
TRIES = 2  # of each setting; the faster one counts
TRY_SECONDS = 1  # roughly how long a try takes
FEWEST_JOBS = 1000


class Failed(Exception):
    """A peer did not do its work. Its text goes into the report."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def presentable(text):
    """One line without addresses and paths, which differ from machine to machine."""
    text = re.sub(r'\S+://\S+', '…', text)
    text = re.sub(r'(^|[\s(`\'"])/[^\s)`\'"]+', r'\1…', text)
    return ' '.join(text.split())[:200]


class Server:
    """The Redis under test, by redis-cli."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        login, _, host = parts.netloc.rpartition('@')
        user, _, password = login.partition(':')
        self.program = ['redis-cli', '-u', parts._replace(netloc=host).geturl()]
        if parts.scheme == 'unix':
            self.program = ['redis-cli', '-s', urllib.parse.unquote(parts.path)]
        if user:
            self.program += ['--user', urllib.parse.unquote(user)]
        self.environment = dict(os.environ)
        if password:  # not on the command line, where others see it
            self.environment['REDISCLI_AUTH'] = urllib.parse.unquote(password)

    def __call__(self, *command):
        process = subprocess.run([*self.program, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 check=False, text=True, timeout=60, env=self.environment)
        if process.returncode != 0:
            raise SystemExit(f'measure.py: redis-cli {command[0]}: {process.stderr.strip()}')
        return process.stdout.strip()

    def info(self, name):
        return next(line.split(':', 1)[1].strip() for line in self('INFO').splitlines() if line.startswith(name + ':'))

    def version(self):
        """Its name and version."""
        fields = dict(line.strip().split(':', 1) for line in self('INFO', 'server').splitlines() if ':' in line)
        if 'valkey_version' in fields:
            return 'Valkey ' + fields['valkey_version']
        return 'Redis ' + fields['redis_version']

    def persistence(self):
        if self.info('aof_enabled') == '1':
            return 'appendonly, fsync ' + self('CONFIG', 'GET', 'appendfsync').splitlines()[-1]
        return 'none' if self('CONFIG', 'GET', 'save').splitlines()[-1] in ('', 'save') else 'snapshots'

    def cpu_us(self):
        return 1e6 * (float(self.info('used_cpu_user')) + float(self.info('used_cpu_sys')))

    def total(self, commands):
        return sum(int(self(*command) or 0) for command in commands)

    def group(self, key, name):
        """One group of a stream: {field: value}."""
        lines = self('XINFO', 'GROUPS', key).splitlines()
        groups = []
        for field, value in zip(lines[::2], lines[1::2]):
            if field == 'name':
                groups.append({})
            groups[-1][field] = value
        return next((group for group in groups if group['name'] == name), None)

    def last_entry(self, key):
        lines = self('XINFO', 'STREAM', key).splitlines()
        return lines[lines.index('last-generated-id') + 1]


class Peer:
    """One folder: its program, and how the server is asked about its jobs."""

    def __init__(self, name, folder):
        self.name = name
        self.program = os.path.join(folder, name, 'run')
        with open(os.path.join(folder, name, 'peer.json'), encoding='utf-8') as file:
            self.facts = json.load(file)
        self.best = {mode: self.facts[mode][0] for mode in MODES}
        self.tried = {mode: [] for mode in MODES}
        self.jobs = FEWEST_JOBS
        self.version = ''

    def start(self, mode, arguments, limit_s):
        """Runs the program, and returns its line. It and its children are ended after limit_s."""
        command = [self.program, mode]
        for name, value in arguments.items():
            command += ['--' + name, str(value)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                              text=True, start_new_session=True) as process:
            try:
                out, err = process.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                raise Failed(f'{mode} was not finished after {limit_s:.0f} s') from None
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        if process.returncode != 0:
            words = presentable((err.strip().splitlines() or ['no reason given'])[-1])
            raise Failed(f'{mode} ended with exit code {process.returncode}: {words}')
        return json.loads(out.strip().splitlines()[-1])


class Measurement:
    def __init__(self, arguments):
        self.server = Server(arguments.url)
        self.arguments = arguments

    def check(self, peer, mode, line, jobs):
        """Did the peer do what it says?"""
        if line['jobs'] != jobs:
            raise Failed(f'{mode}: {line["jobs"]} jobs of {jobs} were done')
        if mode == 'enqueue':
            there = self.server.total(peer.facts['waiting'])
            if there != jobs:
                raise Failed(f'{there} jobs were waiting after {jobs} had been enqueued')
            return
        if 'group' in peer.facts:
            key, name = peer.facts['group']
            group = self.server.group(key, name)
            if group is None or group['pending'] != '0' or group['last-delivered-id'] != self.server.last_entry(key):
                raise Failed(f'jobs were left: {group}')
        left = self.server.total(peer.facts.get('left', []))
        if left != 0:
            raise Failed(f'{left} jobs were left')

    def run(self, peer, mode, settings, jobs):
        """One run on the server as it is; returns the peer's line with the server's CPU."""
        arguments = {'url': self.arguments.url, 'jobs': jobs, 'payload': self.arguments.payload, **settings}
        before = self.server.cpu_us()
        line = peer.start(mode, arguments, self.arguments.limit)
        line['server_us_per_job'] = round((self.server.cpu_us() - before) / jobs, 3)
        self.check(peer, mode, line, jobs)
        peer.version = line['version']
        return line

    def pair(self, peer, jobs, settings):
        """Enqueue, and work it off: a line for each."""
        self.server('FLUSHALL')
        try:
            return {mode: self.run(peer, mode, settings[mode], jobs) for mode in MODES}
        except Failed as failure:
            if peer.name == 'weir':
                raise SystemExit(f'measure.py: weir: {failure}') from None
            raise

    def try_settings(self, peer):
        """Finds the fastest settings, and how many jobs a run of --seconds is."""
        say(f'{peer.name}: warm-up')
        jobs = min(FEWEST_JOBS, self.arguments.jobs)
        rate = {mode: line['per_s'] for mode, line in self.pair(peer, jobs, peer.best).items()}
        for mode in MODES:
            choices = peer.facts[mode][:1] if self.arguments.no_tune else peer.facts[mode]
            for settings in choices:
                jobs = self.sized(rate[mode], TRY_SECONDS)
                lines = [self.pair(peer, jobs, {**peer.best, mode: settings})[mode] for _ in range(TRIES)]
                per_s = max(line['per_s'] for line in lines)
                peer.tried[mode].append({'settings': settings, 'per_s': per_s})
                rate[mode] = max(rate[mode], per_s)
                say(f'{peer.name}: {mode} {describe(settings)}: {per_s:,.0f}/s')
            peer.best[mode] = max(peer.tried[mode], key=lambda tried: tried['per_s'])['settings']
        peer.jobs = self.sized(rate['consume'], self.arguments.seconds)

    def sized(self, per_s, seconds):
        """So many jobs as take roughly that long, as a round number, but --jobs at most."""
        jobs = max(per_s * seconds, min(FEWEST_JOBS, self.arguments.jobs))
        unit = 10 ** max(len(str(int(jobs))) - 2, 0)
        return min(int(jobs) // unit * unit, self.arguments.jobs)

    def compare(self, weir, peer, rounds):
        """One round: weir, then the peer."""
        theirs = None
        ours = self.pair(weir, weir.jobs, weir.best)
        if peer is not None:
            theirs = self.pair(peer, peer.jobs, peer.best)
            for mode in MODES:
                say(f'{peer.name}: {mode} {theirs[mode]["per_s"]:,.0f}/s, weir {ours[mode]["per_s"]:,.0f}/s: '
                    f'{ours[mode]["per_s"] / theirs[mode]["per_s"]:.1f} ×')
        rounds.append((ours, theirs))


def describe(settings):
    return ', '.join(f'{name} {value}' for name, value in settings.items())


def spread(values):
    return {'min': min(values), 'median': statistics.median(values), 'max': max(values)}


def row(peer, mode, lines, weir_lines=None):
    """What the rounds say of one peer in one mode."""
    result = {'peer': peer.name, 'title': peer.facts['title'], 'version': peer.version,
              'language': peer.facts['language'], 'delivery': peer.facts['delivery'], 'mode': mode, 'jobs': peer.jobs,
              'runs': len(lines), 'settings': peer.best[mode]}
    result['tried'] = peer.tried[mode]
    result['peer_per_s'] = spread([line['per_s'] for line in lines])
    for name in ('cpu_us_per_job', 'server_us_per_job'):
        result[name] = statistics.median(line[name] for line in lines)
    if weir_lines is not None:
        result['weir_per_s'] = spread([line['per_s'] for line in weir_lines])
        ratios = [ours['per_s'] / theirs['per_s'] for ours, theirs in zip(weir_lines, lines)]
        result['ratio'] = {name: round(value, 3) for name, value in spread(ratios).items()}
        if mode == 'consume' and 'goal' in peer.facts:
            result['goal'] = peer.facts['goal']
    return result


def machine():
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as file:
            model = next((line.split(':', 1)[1].strip() for line in file if line.startswith('model name')), '')
    except OSError:
        model = ''
    return {'cpu': model or platform.machine(), 'cpus': os.cpu_count(), 'kernel': '.'.join(platform.release().split('.')[:2]),
            'load_at_start': round(os.getloadavg()[0], 2)}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('peers', nargs='+', metavar='PEER')
    parser.add_argument('--url', required=True)
    parser.add_argument('--out', required=True)
    parser.add_argument('--jobs', type=int, default=1000000)
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--payload', type=int, default=100)
    parser.add_argument('--seconds', type=float, default=5, help='a run of a peer is about so long at most')
    parser.add_argument('--limit', type=float, default=300, help='seconds after which a run has failed')
    parser.add_argument('--folder', default=HERE, help='where the folders of the peers but weir are')
    parser.add_argument('--no-tune', action='store_true')
    parser.add_argument('--absent', action='append', default=[], metavar='PEER=REASON')
    arguments = parser.parse_args()
    if min(arguments.jobs, arguments.runs, arguments.payload, arguments.seconds) <= 0:
        parser.error('numbers are above 0')
    return arguments


def measure(arguments):
    measurement = Measurement(arguments)
    server = measurement.server
    result = {'bench': 'peers', 'server': {'version': server.version(), 'persistence': server.persistence()},
              'machine': machine(), 'date': time.strftime('%Y-%m-%d'), 'payload': arguments.payload,
              'runs': arguments.runs, 'rows': [], 'absent': []}
    for text in arguments.absent:
        name, reason = text.split('=', 1)
        title = Peer(name, arguments.folder).facts['title']
        result['absent'].append({'peer': name, 'title': title, 'reason': presentable(reason)})

    weir = Peer('weir', HERE)
    measurement.try_settings(weir)
    weir.jobs = arguments.jobs
    others = [Peer(name, arguments.folder) for name in arguments.peers if name != 'weir']
    rounds = {peer.name: [] for peer in others}
    failed = {}

    def attempt(peer, step, *rest):
        if peer.name in failed:
            return
        try:
            step(*rest)
        except Failed as failure:
            say(f'{peer.name}: {failure}')
            failed[peer.name] = str(failure)

    for peer in others:
        attempt(peer, measurement.try_settings, peer)
    alone = []
    for number in range(arguments.runs):
        say(f'round {number + 1} of {arguments.runs}')
        if not others:
            measurement.compare(weir, None, alone)
        for peer in others:
            attempt(peer, measurement.compare, weir, peer, rounds[peer.name])

    everything = alone + [pair for pairs in rounds.values() for pair in pairs]
    for mode in MODES:
        if everything:
            result['rows'].append(row(weir, mode, [ours[mode] for ours, _ in everything]))
        for peer in others:
            if peer.name not in failed:
                pairs = rounds[peer.name]
                result['rows'].append(row(peer, mode, [theirs[mode] for _, theirs in pairs],
                                          [ours[mode] for ours, _ in pairs]))
    for peer in others:
        if peer.name in failed:
            result['absent'].append({'peer': peer.name, 'title': peer.facts['title'], 'reason': failed[peer.name]})
    return result


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of what ends a peer that runs
    arguments = parse()
    result = measure(arguments)
    with open(arguments.out, 'w', encoding='utf-8') as file:
        json.dump(result, file, indent=2, ensure_ascii=False)
        file.write('\n')


if __name__ == '__main__':
    main()
