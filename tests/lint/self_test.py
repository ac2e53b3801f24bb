#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The checks themselves: each is given a small tree that is right, and then one thing that is wrong."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SPDX = '/* SPDX-License-Identifier: MIT */\n'

TREE = {
    'include/meson.build': "install_headers('weir/thing.h', 'weir/version.h', 'weir/visibility.h', 'weir/weir.h')\n",
    'include/weir/thing.h': SPDX + '#include <stddef.h>\n#include <weir/visibility.h>\n'
                            '/* WEIR_API int in_a_comment(void); */\n'
                            'WEIR_API size_t weir_thing(const char *name,\n    size_t n);\nWEIR_API extern int weir_value;\n',
    'include/weir/version.h': SPDX + '#define WEIR_VERSION_MAJOR 1\n#define WEIR_VERSION_MINOR 2\n'
                              '#define WEIR_VERSION_PATCH 3\n#define WEIR_VERSION "1.2.3"\n',
    'include/weir/visibility.h': SPDX + '#define WEIR_API __attribute__((visibility("default")))\n',
    'include/weir/weir.h': SPDX + '#include <weir/thing.h>\n#include <weir/version.h>\n',
    'lib/weir.map': 'WEIR_0 {\nglobal:\n    weir_thing;\n    weir_value;\nlocal:\n    *;\n};\n',
    'lib/base/low.h': SPDX,
    'lib/base/low.c': SPDX + '#include "base/low.h"\n#include <weir/thing.h>\n'
                      'int weir_value;\nint weir_internal(void);\nint weir_internal(void)\n{\n    return 1;\n}\n'
                      'size_t weir_thing(const char *name, size_t n)\n{\n    return name ? n : 0;\n}\n',
    'lib/job/job.c': SPDX + '#include <msgpack.h>\n#include "base/low.h"\n',
    'lib/redis/reply.h': SPDX + '#include <hiredis/hiredis.h>\n#include <openssl/ssl.h>\n',
    'lib/broker/broker.h': SPDX + '#include "redis/reply.h"\n#include "scripts.h"\n',
    'lib/queue/core.h': SPDX + '#include "broker/broker.h"\n#  include  "base/low.h" /* why */\n#include <pthread.h>\n',
    'examples/one/main.c': SPDX + '#include <weir/weir.h>\n#include <event2/event.h>\n#include "one.h"\n',
    'bench/main.c': SPDX + '#include <hiredis/hiredis.h>\n#include "redis/url.h"\n#include "bare.h"\n',
    'cli/main.c': SPDX + '#include <weir/weir.h>\n#include <jansson.h>\n#include "ls.h"\n',
    'cli/ls.h': SPDX,
    'codegen/main.c': SPDX + '#include "base/low.h"\n#include <clang-c/Index.h>\n',
    'tests/unit/test_x.c': SPDX + 'int asleep(void);\n',
}


class Check(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix='weir-lint-')
        self.addCleanup(shutil.rmtree, self.root)
        for path, text in TREE.items():
            self.write(path, text)

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, 'w', encoding='utf-8', newline='') as file:
            file.write(text)

    def run_check(self, script, *args):
        run = subprocess.run([sys.executable, '-E', '-s', '-S', os.path.join(HERE, script), self.root, *args],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return run.returncode, run.stdout.decode()

    def assert_passes(self, script, *args):
        code, out = self.run_check(script, *args)
        self.assertEqual((code, out), (0, ''))

    def assert_fails(self, script, words, *args):
        code, out = self.run_check(script, *args)
        self.assertEqual(code, 1, out)
        self.assertIn(words, out)
        self.assertNotIn('Traceback', out)

    def assert_each_fails(self, script, cases, *args):
        """cases: (path, text added to it, words of the complaint)."""
        self.assert_passes(script, *args)
        for path, text, words in cases:
            with self.subTest(path=path, text=text):
                before = TREE.get(path, SPDX)
                self.write(path, before + text)
                self.assert_fails(script, words, *args)
                self.write(path, before)


class Layers(Check):
    def test_wrong_includes(self):
        self.assert_each_fails('layers.py', [
            ('lib/base/low.c', '#include "job/job.h"\n', 'lib/base/low.c:14: error: "job/job.h": lib/base may not see'),
            ('lib/base/low.c', '#include "queue/core.h"\n', 'lib/base may not see lib/queue'),
            ('lib/job/job.c', '#include "redis/reply.h"\n', 'lib/job may not see lib/redis'),
            ('lib/redis/reply.h', '# include "broker/broker.h"\n', 'lib/redis may not see lib/broker'),
            ('lib/broker/broker.h', '\t#\tinclude "queue/core.h" // no\n', 'lib/broker may not see lib/queue'),
            ('lib/queue/core.h', '#include <hiredis/hiredis.h>\n', 'only lib/redis may use hiredis'),
            ('lib/broker/broker.h', '#include <hiredis.h>\n', 'only lib/redis may use hiredis'),
            ('lib/broker/broker.h', '#include <hiredis_ssl.h>\n', 'only lib/redis may use hiredis'),
            ('lib/queue/core.h', '#include <openssl/ssl.h>\n', 'only lib/redis may use openssl'),
            ('lib/queue/core.h', '#include <msgpack.h>\n', 'only lib/job may use msgpack'),
            ('lib/queue/core.h', '#include <event2/event.h>\n', 'only lib/control may use event2'),
            ('lib/queue/core.h', '#include <jansson.h>\n', 'only lib/control may use jansson'),
            ('lib/control/one.c', '#include "queue/core.h"\n', 'public headers and lib/base alone'),
            ('lib/control/one.c', '#include "control/missing.h"\n', 'no such header'),
            ('lib/control/one.c', '#include <hiredis/hiredis.h>\n', 'only lib/redis may use hiredis'),
            ('lib/queue/core.h', '#include "core.h"\n', 'as "layer/header.h"'),
            ('lib/queue/core.h', '#include "../base/low.h"\n', 'as "layer/header.h"'),
            ('lib/queue/core.h', '#include <base/low.h>\n', 'in quotes'),
            ('lib/queue/core.h', '#include "scripts.h"\n', 'lib/broker\'s own'),
            ('lib/queue/core.h', '#include "base/missing.h"\n', 'no such header'),
            ('lib/queue/core.h', '#include <weir/missing.h>\n', 'no such public header'),
            ('lib/queue/core.h', '#include HEADER\n', 'can\'t be understood'),
            ('lib/extra/new.c', '#include <stdio.h>\n', 'no layer that layers.py knows'),
            ('include/weir/thing.h', '#include "base/low.h"\n', 'as <weir/…>'),
            ('include/weir/thing.h', '#include <hiredis/hiredis.h>\n', 'ISO C headers alone'),
            ('include/weir/thing.h', '#include <pthread.h>\n', 'ISO C headers alone'),
            ('include/weir/thing.h', '#include <weir/missing.h>\n', 'no such public header'),
            ('examples/one/main.c', '#include "queue/core.h"\n', 'public headers alone'),
            ('bench/main.c', '#include "queue/core.h"\n', 'public headers and redis/url.h alone'),
            ('cli/main.c', '#include "queue/core.h"\n', 'public headers and its own alone'),
            ('cli/main.c', '#include <hiredis/hiredis.h>\n', 'cli/ may not use hiredis'),
            ('codegen/main.c', '#include "queue/core.h"\n', 'lib/base and job/text.h alone'),
            ('codegen/main.c', '#include <msgpack.h>\n', 'codegen/ may not use msgpack'),
            ('codegen/main.c', '#include "missing.h"\n', 'no such header'),
        ])

    def test_an_empty_tree_is_no_success(self):
        shutil.rmtree(os.path.join(self.root, 'lib'))
        shutil.rmtree(os.path.join(self.root, 'include'))
        shutil.rmtree(os.path.join(self.root, 'examples'))
        shutil.rmtree(os.path.join(self.root, 'bench'))
        shutil.rmtree(os.path.join(self.root, 'cli'))
        shutil.rmtree(os.path.join(self.root, 'codegen'))
        self.assert_fails('layers.py', 'nothing was found')


class Exports(Check):
    def build(self, *flags):
        self.library = os.path.join(self.root, 'libweir.so')
        subprocess.run(['gcc', '-shared', '-fPIC', *flags, '-I', os.path.join(self.root, 'include'),
                        '-I', os.path.join(self.root, 'lib'), '-o', self.library,
                        os.path.join(self.root, 'lib/base/low.c')], check=True)

    def test_a_difference(self):
        self.build('-fvisibility=hidden', '-Wl,--version-script=' + os.path.join(self.root, 'lib/weir.map'))
        self.assert_each_fails('exports.py', [
            ('include/weir/thing.h', 'WEIR_API int weir_new(void);\n', 'include/weir/thing.h:8: error: weir_new is missing in'),
            ('include/weir/thing.h', 'WEIR_API int weir_new(void);\n', 'libweir.so does not export it'),
            ('include/weir/thing.h', 'WEIR_API int thing_new(void);\n', 'start with weir_'),
        ], self.library)
        listing = TREE['lib/weir.map']
        for text, words in [
                (listing.replace('    weir_value;\n', ''), 'weir_value is missing in'),
                (listing.replace('local', '    weir_zero;\nlocal'), 'weir_zero is declared in no public header'),
                (listing.replace('    weir_thing;\n    weir_value;\n', '    weir_value;\n    weir_thing;\n'), 'not sorted'),
                (listing.replace('    *;\n', ''), 'not of the form')]:
            self.write('lib/weir.map', text)
            self.assert_fails('exports.py', words, self.library)

    def test_a_symbol_too_many(self):
        self.build()
        self.assert_fails('exports.py', 'weir_internal is exported, but no public header declares it', self.library)

    def test_the_map_can_be_written(self):
        self.write('lib/weir.map', '')
        self.assert_passes('exports.py', '--write')
        with open(os.path.join(self.root, 'lib/weir.map'), encoding='utf-8') as file:
            written = re.sub(r'/\*.*\*/\n', '', file.read())
        self.assertEqual(written, TREE['lib/weir.map'])
        self.build('-Wl,--version-script=' + os.path.join(self.root, 'lib/weir.map'))
        self.assert_passes('exports.py', self.library)


class Headers(Check):
    def setUp(self):
        super().setUp()
        # the macros of the small tree aren't weir's: a header that stands in for them
        shutil.copytree(os.path.join(HERE, '../../include'), os.path.join(self.root, 'include'), dirs_exist_ok=True)
        os.remove(os.path.join(self.root, 'include/weir/thing.h'))
        with open(os.path.join(self.root, 'include/weir/version.h'), encoding='utf-8') as file:
            self.version = re.search(r'WEIR_VERSION "(.*)"', file.read()).group(1)

    def assert_change_fails(self, path, old, new, words):
        with open(os.path.join(self.root, path), encoding='utf-8') as file:
            before = file.read()
        self.assertIn(old, before)
        self.write(path, before.replace(old, new))
        self.assert_fails('headers.py', words, self.version, 'gcc', 'g++')
        self.write(path, before)

    def test_wrong_headers(self):
        self.assert_passes('headers.py', self.version, 'gcc', 'g++')
        self.assert_fails('headers.py', 'not 99.0.0', '99.0.0')
        self.assert_change_fails('include/weir/version.h', 'WEIR_VERSION "', 'WEIR_VERSION "9', 'version of meson.build')
        self.assert_change_fails('include/weir/weir.h', '#include <weir/log.h>\n', '', '<weir/log.h> is missing')
        self.assert_change_fails('include/meson.build', "'weir/log.h'", "''", 'weir/log.h is not installed')
        self.assert_change_fails('include/weir/field.h', '#include <string.h>\n', '', 'field.h:1: error: does not compile')
        self.assert_change_fails('include/weir/field.h', '(const char *)value', 'value', 'with g++')
        self.assert_change_fails('include/weir/producer.h', 'sizeof(weir_enqueue_options), 0,',
                                 'sizeof(weir_enqueue_options),', 'the use of the macros')


class Prose(Check):
    def test_wrong_lines(self):
        self.assert_each_fails('prose.py', [
            ('lib/job/job.c', '\tint x;\n', 'lib/job/job.c:4: error: a tab'),
            ('lib/job/job.c', 'int x; \n', 'white space at the end'),
            ('lib/job/job.c', 'int x;\r\n', 'white space at the end'),
            ('lib/job/job.c', '/* ' + '×' * 118 + '\n', '121 columns'),
            ('lib/control/assets/app.js', '// ' + '×' * 118 + '\n', '121 columns'),
            ('lib/job/job.c', 'int x;', 'no newline'),
            ('meson.build', '  \n', 'white space'),
            ('tests/unit/test_x.c', '    sleep' + '(1);\n', 'never for time'),
            ('tests/unit/test_x.c', '    usleep' + ' (1);\n', 'never for time'),
            ('tests/unit/test_x.c', '    nanosleep' + '(&t, 0);\n', 'never for time'),
            ('tests/unit/x.py', 'time.sleep' + '(1)\n', 'never for time'),
        ])
        self.write('lib/job/job.c', SPDX + '/* ' + '×' * 117 + '\n')
        self.assert_passes('prose.py')

    def test_a_missing_licence(self):
        self.write('lib/job/new.h', 'int x;\n')
        self.assert_fails('prose.py', 'lib/job/new.h:1: error: the first line')

    def test_bytes_that_are_no_text(self):
        with open(os.path.join(self.root, 'lib/job/job.c'), 'wb') as file:
            file.write(SPDX.encode() + b'/* \xff */\n')
        self.assert_fails('prose.py', 'not UTF-8')


class Metrics(Check):
    HEADER = SPDX + ('#define WEIR_STATS_TABLE(X)  \\\n    X(COUNTER, done, "weir_jobs_total", "outcome", "done", "what, and '
                     'how (far)") \\\n    X(GAUGE, running, "weir_running", "", "", \\\n      "handlers")\n\n'
                     '#define WEIR_STATS_FAMILY_TABLE(X) \\\n    X("weir_jobs_total", "all jobs")\n')
    INFO = SPDX + ('#define WEIR_QUEUE_INFO_TABLE(X) \\\n    X(MS, overdue_ms, "weir_overdue_seconds", "", "", "overdue")\n\n'
                   '#define WEIR_GROUP_INFO_TABLE(X) \\\n    X(COUNTER, delivered, "weir_delivered_total", "", "", "out")\n\n'
                   '#define WEIR_INFO_FAMILY_TABLE(X) \\\n    X("weir_none", "nothing")\n')
    PAGE = ('# Metrics\n\n<!-- WEIR_STATS_TABLE -->\n<!-- end -->\n\nMore.\n\n<!-- WEIR_QUEUE_INFO_TABLE -->\n<!-- end -->\n'
            '\n<!-- WEIR_GROUP_INFO_TABLE -->\n<!-- end -->\n')

    def setUp(self):
        super().setUp()
        self.write('include/weir/stats.h', self.HEADER)
        self.write('include/weir/admin.h', self.INFO)
        self.write('docs/metrics.md', self.PAGE)

    def test_what_it_writes_is_what_it_wants(self):
        self.assert_fails('metrics.py', 'docs/metrics.md:4: error: not what the headers say')
        self.assert_passes('metrics.py', '--write')
        self.assert_passes('metrics.py')
        with open(os.path.join(self.root, 'docs/metrics.md'), encoding='utf-8') as page:
            text = page.read()
        for line in ('| `weir_jobs_total` | counter | all jobs | |', '| … `outcome="done"` | | what, and how (far) | `done` |',
                     '| `weir_running` | gauge | handlers | `running` |', 'More.',
                     '| `weir_overdue_seconds` | gauge | overdue | `overdue_ms` |',
                     '| `weir_delivered_total` | counter | out | `delivered` |'):
            self.assertIn(line + '\n', text)
        self.assert_change_fails('include/weir/stats.h', '"handlers"', '"handlers now"', 'not what the headers say')
        self.assert_change_fails('docs/metrics.md', '| all jobs |', '| some jobs |', 'docs/metrics.md:7: error: not what')

    def assert_change_fails(self, path, old, new, words):
        with open(os.path.join(self.root, path), encoding='utf-8') as file:
            before = file.read()
        self.assertIn(old, before)
        self.write(path, before.replace(old, new, 1))
        self.assert_fails('metrics.py', words)
        self.write(path, before)

    def test_a_page_without_a_place(self):
        self.write('docs/metrics.md', '# Metrics\n')
        self.assert_fails('metrics.py', 'there is no place for WEIR_STATS_TABLE')
        self.assert_fails('metrics.py', 'there is no place for WEIR_STATS_TABLE', '--write')


class Pages(Check):
    """Pages are checked against the code that they are about: the tree is this one."""

    def setUp(self):
        super().setUp()
        shutil.rmtree(self.root)
        shutil.copytree(os.path.join(HERE, '../..'), self.root,
                        ignore=shutil.ignore_patterns('.git', 'build*', '__pycache__', 'corpus'))
        for name in os.listdir(os.path.join(self.root, 'docs')):  # the README's snippets are compiled often enough
            if name.endswith('.md'):
                self.replace(f'docs/{name}', '```c\n', '```text\n')

    def replace(self, path, old, new):
        with open(os.path.join(self.root, path), encoding='utf-8') as file:
            text = file.read()
        self.write(path, text.replace(old, new))

    def assert_change_fails(self, path, old, new, words):
        with self.subTest(path=path, new=new):
            with open(os.path.join(self.root, path), encoding='utf-8') as file:
                before = file.read()
            self.assertIn(old, before)
            self.write(path, before.replace(old, new, 1))
            try:
                self.assert_fails(self.SCRIPT, words)
            finally:
                self.write(path, before)


class Monitoring(Pages):
    SCRIPT = 'monitoring.py'

    def test_rules_and_panels_name_metrics_that_there_are(self):
        self.assert_passes('monitoring.py')
        rules, panels = 'docs/operations/prometheus-alerts.yml', 'docs/operations/grafana-dashboard.json'
        for change in [
                (rules, 'weir_leases_lost_total', 'weir_leases_gone_total', 'there is no metric weir_leases_gone_total'),
                (rules, '(weir_queue_overdue_seconds)', '(weir_overdue)', 'there is no metric weir_overdue'),
                (rules, 'state="alive"', 'state="awake"', 'weir_queue_consumers has no state="awake"'),
                (rules, 'outcome="retried"', 'result="retried"', 'weir_jobs_processed_total has no label result'),
                (panels, 'weir_handler_seconds_bucket', 'weir_handlers_bucket', 'there is no metric weir_handlers'),
        ]:
            self.assert_change_fails(*change)

    @unittest.skipUnless(shutil.which('promtool'), 'there is no promtool')
    def test_promtool_is_asked(self):
        for change in [
                ('docs/operations/prometheus-alerts.yml', '> 300', '> 3000', 'promtool test rules'),
                ('docs/operations/prometheus.yml', 'rule_files', 'rules_file', 'promtool check config'),
                ('docs/operations/grafana-dashboard.json', 'max(weir_queue_old', 'max((weir_queue_old', 'promtool check rules'),
        ]:
            self.assert_change_fails(*change)

    @unittest.skipUnless(shutil.which('systemd-analyze'), 'there is no systemd-analyze')
    def test_systemd_is_asked(self):
        for unit in ('docs/operations/weir-serve.service', 'docs/operations/weir-worker.service'):
            self.assert_change_fails(unit, 'ProtectSystem=strict', 'ProtectSystem=very', 'systemd-analyze verify')
            self.assert_change_fails(unit, 'WatchdogSec=60', 'WatchdogSecs=60', 'systemd-analyze verify')


class Docs(Pages):
    SCRIPT = 'docs.py'

    def test_a_missing_page(self):
        os.remove(os.path.join(self.root, 'docs/errors.md'))
        self.assert_fails('docs.py', 'docs/errors.md:1: error: the page is missing')

    def test_what_the_pages_say_is_compared_with_the_code(self):
        self.assert_passes('docs.py')
        for change in [
                ('lib/broker/lua/requeue.lua', "'weir.group', 'weir.first", "'weir.grup', 'weir.first",
                 'weir.grup is not in lib/job/names.h'),
                ('docs/options.md', 'Default: `10`. Range: `1 … 10000`.', 'Default: `11`. Range: `1 … 10000`.',
                 'error: concurrency: the default is `10`, not `11`'),
                ('docs/options.md', 'Default: `10`. Range: `1 … 10000`.', 'Default: `10`. Range: `0 … 10000`.',
                 'error: concurrency: the range is `1 … 10000`, not `0 … 10000`'),
                ('docs/options.md', '### `block_ms`\n', '### `bloc_ms`\n', 'weir_queue_options has the option block_ms'),
                ('docs/options.md', '### `block_ms`\n', '### `bloc_ms`\n', 'weir_queue_options has no option bloc_ms'),
                ('lib/queue/options.c', 'X(prefetch_ms, 0, 60000)', 'X(prefetch_ms, 0, 60001)', 'error: prefetch_ms'),
                ('lib/queue/options.c', 'connect_timeout_ms, 1, 600000', 'connect_timeout_ms, 1, 500', 'connect_timeout'),
                ('include/weir/queue.h', 'uint32_t concurrency;', 'uint32_t parallelism;', 'the option parallelism'),
                ('include/weir/producer.h', '    int64_t delay_ms;', '    int64_t x;\n    int64_t delay_ms;', 'values for'),
                ('include/weir/error.h', '"success"', '"fine"', 'WEIR_OK must begin with "0, not retriable: fine."'),
                ('docs/errors.md', '### `WEIR_ERR_FULL`\n', '### `WEIR_FULL`\n', 'WEIR_ERR_FULL is missing'),
                ('docs/errors.md', '### `WEIR_ERR_FULL`\n', '### `WEIR_FULL`\n', 'there is no status WEIR_FULL'),
                ('docs/wire-format.md', '### `reap`', '### reap', '`reap` is missing'),
                ('README.md', '(examples/hello/hello.c)', '(examples/delayed/delayed.c)', 'examples/hello is missing'),
                ('README.md', 'weir_queue_close(queue)', 'weir_queue_close(queue, 1)', 'the snippet does not compile'),
                ('README.md', '(docs/errors.md)', '(docs/error.md)', 'leads nowhere: docs/error.md'),
                ('README.md', '(docs/introduction.md#fork)', '(docs/introduction.md#spoon)', 'no heading #spoon'),
                ('README.md', '`weir_queue_stop`', '`weir_queue_halt`', 'there is no weir_queue_halt'),
                ('ARCHITECTURE.md', '`lib/queue/pool.c: decide`', '`lib/queue/pool.c: ponder`', 'no ponder in lib/queue'),
                ('ARCHITECTURE.md', '`lib/queue/verdict.c`', '`lib/queue/verdicts.c`', 'there is no lib/queue/verdicts.c'),
                ('CHANGELOG.md', '# Changes\n', '# Changes' + 120 * '.' + '\n', 'columns; 120 are allowed')]:
            self.assert_change_fails(*change)


if __name__ == '__main__':
    unittest.main()
