#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What docs/operations has for Prometheus and Grafana fits the metrics that there are, and systemd takes its units.

    monitoring.py ROOT

Each metric that a rule or a panel names is one of the public headers' tables, with the labels and values that it has;
promtool takes all expressions, and the rules' own tests pass; systemd-analyze has nothing to say about the units.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import common
import metrics

FOLDER = 'docs/operations'
EVERYWHERE = {'queue', 'group', 'instance', 'le'}


def known(root):
    """The labels of each metric, and the values that each of them may have."""
    labels = {}
    for macro, (header, _) in metrics.TABLES.items():
        for _, _, metric, label, value, _ in metrics.rows(root, header, macro):
            values = labels.setdefault(metric, {})
            if label:
                values.setdefault(label, set()).add(value)
    return labels


def problems_of(expression, labels):
    expression = re.sub(r'\b(?:by|on|without)\s*\(([^)]*)\)', '', expression)
    for name, _, braces in re.findall(r'\b(weir_\w+?)(_bucket|_sum|_count)?\b(?:\{([^}]*)\})?', expression):
        if name not in labels:
            yield f'there is no metric {name}'
            continue
        for label, value in re.findall(r'(\w+)=~?"([^"]*)"', braces):
            if label not in labels[name] and label not in EVERYWHERE:
                yield f'{name} has no label {label}'
            elif label in labels[name] and '$' not in value:
                for one in value.split('|'):
                    if one not in labels[name][label]:
                        yield f'{name} has no {label}="{one}"'


def expressions_of(root):
    """(file, expression) of all rules and panels."""
    dashboard = json.loads(common.read(root, f'{FOLDER}/grafana-dashboard.json'))
    for panel in dashboard['panels']:
        for target in panel.get('targets', []):
            yield 'grafana-dashboard.json', target['expr']
    rules = common.read(root, f'{FOLDER}/prometheus-alerts.yml')
    found = re.findall(r'\n( +)expr:(?: \|\n((?:\1 .*\n)+)| (.*)\n)', rules)
    assert len(found) == len(re.findall(r'- alert:', rules))
    for _, block, line in found:
        yield 'prometheus-alerts.yml', block or line


def promtool(*arguments):
    run = subprocess.run(['promtool', *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return [] if run.returncode == 0 else [f'{FOLDER}: error: promtool {" ".join(arguments[:2])}: {run.stdout}']


def ask_promtool(root, expressions):
    folder = os.path.join(root, FOLDER)
    problems = promtool('check', 'config', os.path.join(folder, 'prometheus.yml'))
    problems += promtool('test', 'rules', os.path.join(folder, 'alerts-test.yml'))
    plain = [e.replace('$__rate_interval', '5m').replace('$queue', '.*') for _, e in expressions]
    rules = [{'record': f'r{i}', 'expr': expression} for i, expression in enumerate(plain)]
    with tempfile.NamedTemporaryFile('w', suffix='.yml') as file:
        json.dump({'groups': [{'name': 'all', 'rules': rules}]}, file)  # JSON is YAML, too
        file.flush()
        return problems + promtool('check', 'rules', file.name)


def ask_systemd(root):
    """The programs that the units start aren't there: something else is in their place."""
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        for path in [name for name in common.source_files(root) if re.fullmatch(FOLDER + r'/[\w-]+\.service', name)]:
            unit = os.path.join(folder, os.path.basename(path))
            with open(unit, 'w', encoding='utf-8') as file:
                file.write(re.sub(r'(?m)^ExecStart=\S+', 'ExecStart=/bin/true', common.read(root, path)))
            run = subprocess.run(['systemd-analyze', 'verify', '--man=no', unit], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, check=False)
            said = run.stdout.replace(folder, FOLDER)
            if run.returncode != 0 or os.path.basename(path) in said:  # it also tells of other units there are
                problems.append(f'{path}:1: error: systemd-analyze verify: {said}')
    return problems


def main(root):
    labels, expressions = known(root), list(expressions_of(root))
    problems = [f'{FOLDER}/{file}:1: error: {problem}'
                for file, expression in expressions for problem in problems_of(expression, labels)]
    if shutil.which('promtool'):
        problems += ask_promtool(root, expressions)
    elif os.environ.get('WEIR_TEST_NO_SKIP'):
        problems.append(f'{FOLDER}: error: there is no promtool (of Debian\'s package prometheus)')
    if shutil.which('systemd-analyze'):
        problems += ask_systemd(root)
    elif os.environ.get('WEIR_TEST_NO_SKIP'):
        problems.append(f'{FOLDER}: error: there is no systemd-analyze (of Debian\'s package systemd)')
    common.finish(problems, [FOLDER])


if __name__ == '__main__':
    main(sys.argv[1])
