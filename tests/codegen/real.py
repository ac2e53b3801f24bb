#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Headers of other projects: annotations are added to a copy, and their structs make the round trip.

    real.py WEIR-CODEGEN BUILD-DIRECTORY

The headers are those of Debian's libmosquitto-dev, libpq-dev and libgps-dev. Skipped (77) where one is missing.
"""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.path.join(HERE, '../../include')

MOSQUITTO = {
    'header': ['/usr/include/mosquitto.h'],
    'refused': r"copy.h:\d+:8: error: field 'payload': void pointers can't be mapped; use WEIR_FIELD\(length = member\)",
    'first': [(r'struct mosquitto_message\{', 'struct WEIR_JOB mosquitto_message {')],
    'edits': [(r'void \*payload;', 'void *payload WEIR_FIELD(length = payloadlen, max = 1000);')],
    'name': 'mosquitto_message', 'type': 'struct mosquitto_message', 'functions': '',
    'test': '''
    in.mid = -7, in.topic = (char *)"a/b", in.payload = (void *)"\\0x", in.payloadlen = 2, in.qos = 1, in.retain = true;
    pass(&in, &out);
    assert(out.mid == -7 && strcmp(out.topic, "a/b") == 0 && out.payloadlen == 2 && out.qos == 1 && out.retain);
    assert(memcmp(out.payload, "\\0x", 2) == 0);
''',
}
LIBPQ = {
    'header': ['/usr/include/postgresql/libpq-fe.h', '/usr/include/libpq-fe.h'],
    'refused': r"copy.h:\d+:19: error: field 'next': 'pgNotify' can't be mapped|"
               r"copy.h:\d+:\d+: error: field 'next': 'struct pgNotify \*' can't be mapped; say WEIR_FIELD\(optional\)",
    'first': [(r'typedef struct pgNotify', 'typedef struct WEIR_JOB pgNotify')],
    'edits': [(r'(struct pgNotify \*next);', r'\1 WEIR_FIELD(skip);'),
              (r'(char\s+\*extra);', r'\1 WEIR_FIELD(optional);')],
    'name': 'pgNotify', 'type': 'PGnotify', 'functions': '',
    'test': '''
    in.relname = (char *)"news", in.be_pid = 4711, in.next = &in;
    pass(&in, &out);
    assert(strcmp(out.relname, "news") == 0 && out.be_pid == 4711 && out.extra == NULL && out.next == NULL);
    in.extra = (char *)"";
    pass(&in, &out);
    assert(out.extra && *out.extra == 0);
''',
}
GPS = {
    'header': ['/usr/include/gps.h'],
    'refused': r"copy.h:\d+:16: error: field 'time': 'timespec_t' can't be mapped; it is a system header's struct: use ",
    'first': [(r'struct gps_fix_t \{', '''#include <weir/codec.h>
weir_status write_time(const timespec_t *value, weir_value_sink *sink, weir_error *err);
weir_status read_time(const char *bytes, size_t len, timespec_t *value, weir_error *err);
struct WEIR_JOB gps_fix_t {''')],
    'edits': [(r'timespec_t time;    /\* Time of update', 'timespec_t time WEIR_FIELD(encode = write_time, '
                                                         'decode = read_time); /* Time of update')],
    'name': 'gps_fix_t', 'type': 'struct gps_fix_t',
    'functions': '''
weir_status write_time(const timespec_t *value, weir_value_sink *sink, weir_error *err)
{
    char text[64];
    (void)err;
    return weir_value_write(sink, text, (size_t)snprintf(text, sizeof text, "%lld.%09ld", (long long)value->tv_sec,
                                                         value->tv_nsec));
}
weir_status read_time(const char *bytes, size_t len, timespec_t *value, weir_error *err)
{
    long long seconds;
    (void)err;
    if (len == 0 || sscanf(bytes, "%lld.%ld", &seconds, &value->tv_nsec) != 2)
        return WEIR_ERR_DECODE;
    value->tv_sec = (time_t)seconds;
    return WEIR_OK;
}
''',
    'test': '''
    in.time.tv_sec = 1700000000, in.time.tv_nsec = 5, in.mode = MODE_3D, in.latitude = 52.520006599999999;
    in.longitude = -1e-300, in.climb = 0.0 / 0.0, in.ecef.x = 1.0 / 3, in.NED.velD = -2;
    strcpy(in.datum, "WGS84");
    pass(&in, &out);
    assert(out.time.tv_sec == 1700000000 && out.time.tv_nsec == 5 && out.mode == MODE_3D);
    assert(out.latitude == 52.520006599999999 && out.longitude == -1e-300 && out.climb != out.climb);
    assert(out.ecef.x == 1.0 / 3 && out.NED.velD == -2 && strcmp(out.datum, "WGS84") == 0);
''',
}

PROGRAM = '''
#undef NDEBUG
#include "copy_job.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
%(functions)s
static void pass(const %(type)s *in, %(type)s *out)
{
    static weir_field_sink *sink;
    weir_fields fields;
    weir_error err;
    weir_sink_free(sink);
    sink = weir_sink_new();
    if (%(name)s_encode(in, sink, &err) != WEIR_OK || weir_sink_fields(sink, &fields, &err) != WEIR_OK ||
        %(name)s_decode(&fields, out, &err) != WEIR_OK) {
        puts(err.message);
        assert(!"encoded and decoded");
    }
}
int main(void)
{
    %(type)s in, out;
    memset(&in, 0, sizeof in);
    %(test)s
    %(name)s_clear(&out);
    return 0;
}
'''


def substitute(text, edits):
    for pattern, replacement in edits:
        text, n = re.subn(pattern, replacement, text, count=1)
        assert n == 1, pattern
    return text


def write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def generate(codegen, folder, header):
    return subprocess.run([codegen, 'copy.h', '--', '-isystem', os.path.dirname(header)], cwd=folder, stderr=subprocess.PIPE, check=False)


def run(case, codegen, build):
    header = next(path for path in case['header'] if os.path.isfile(path))
    with open(header, encoding='utf-8') as file:
        text = '#include <weir/codegen.h>\n' + file.read()
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, 'copy.h')
        text = substitute(text, case['first'])
        write(copy, text)
        refused = generate(codegen, folder, header)
        words = refused.stderr.decode()
        assert refused.returncode == 1 and re.search(case['refused'], words), words
        write(copy, substitute(text, case['edits']))
        good = generate(codegen, folder, header)
        assert good.returncode == 0 and good.stderr == b'', good.stderr.decode()
        write(os.path.join(folder, 'main.c'), PROGRAM % case)
        library = os.path.join(build, 'lib')
        for compiler in (['gcc', '-std=gnu11'], ['g++', '-x', 'c++', '-std=gnu++17']):
            subprocess.run([*compiler, '-Wall', '-Wextra', '-Wconversion', '-Werror', '-I', INCLUDE, '-I', folder,
                            '-isystem', os.path.dirname(header), 'main.c', 'copy_job.c', '-o', 'main', '-L', library,
                            '-lweir', '-Wl,-rpath,' + library], cwd=folder, check=True)
            subprocess.run([os.path.join(folder, 'main')], check=True)


def main(codegen, build):
    missing = [case['header'][0] for case in (MOSQUITTO, LIBPQ, GPS)
               if not any(os.path.isfile(path) for path in case['header'])]
    if missing:
        print('missing:', *missing)
        sys.exit(1 if os.environ.get('WEIR_TEST_NO_SKIP') else 77)
    for case in (MOSQUITTO, LIBPQ, GPS):
        run(case, codegen, build)


main(*(os.path.abspath(path) for path in sys.argv[1:]))
