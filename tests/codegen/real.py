#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Headers of other projects: annotations are added to a copy, and their structs make the round trip.

    real.py WEIR-CODEGEN BUILD-DIRECTORY

The headers are those of Debian's libmosquitto-dev, libpq-dev, libgps-dev, libusb-1.0-0-dev, zlib1g-dev and
libpcap-dev. Skipped (77) where one is missing.
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
USB = {
    'header': ['/usr/include/libusb-1.0/libusb.h'],
    'refused': r"copy.h:\d+:33: error: field 'interface': 'const struct libusb_interface \*' can't be mapped; "
               r"say WEIR_FIELD\(optional\) .* or WEIR_FIELD\(count = member\)[^\n]*\n"
               r"copy.h:\d+:23: error: field 'extra': 'const unsigned char \*' can't be mapped; "
               r"say WEIR_FIELD\(length = member\) for bytes",
    'first': [(r'struct libusb_config_descriptor \{', 'struct WEIR_JOB libusb_config_descriptor {')],
    'edits': [(r'struct (libusb_(?:endpoint_descriptor|interface_descriptor|interface) \{)', r'struct WEIR_STRUCT \1'),
              (r'(unsigned char \*extra);', r'\1 WEIR_FIELD(length = extra_length);'),
              (r'(\*endpoint);', r'\1 WEIR_FIELD(count = bNumEndpoints);'),
              (r'(\*altsetting);', r'\1 WEIR_FIELD(count = num_altsetting);'),
              (r'(\*interface);', r'\1 WEIR_FIELD(count = bNumInterfaces);')],
    'name': 'libusb_config_descriptor', 'type': 'struct libusb_config_descriptor', 'functions': '''
static struct libusb_endpoint_descriptor endpoints[2];
static struct libusb_interface_descriptor settings[1];
static struct libusb_interface interfaces[2];
''',
    'test': '''
    endpoints[1].wMaxPacketSize = 512, endpoints[1].extra_length = 3;
    endpoints[1].extra = (const unsigned char *)"\\1\\0\\2";
    settings[0].bNumEndpoints = 2, settings[0].endpoint = endpoints, settings[0].bInterfaceClass = 255;
    interfaces[1].altsetting = settings, interfaces[1].num_altsetting = 1;
    in.bNumInterfaces = 2, in.interface = interfaces, in.wTotalLength = 65535;
    pass(&in, &out);
    assert(out.bNumInterfaces == 2 && out.wTotalLength == 65535 && out.extra_length == 0);
    assert(out.interface[0].num_altsetting == 0 && out.interface[1].num_altsetting == 1);
    const struct libusb_interface_descriptor *setting = out.interface[1].altsetting;
    assert(setting->bInterfaceClass == 255 && setting->bNumEndpoints == 2 && setting->endpoint[0].extra_length == 0);
    assert(setting->endpoint[1].wMaxPacketSize == 512 && memcmp(setting->endpoint[1].extra, "\\1\\0\\2", 3) == 0);
''',
}
ZLIB = {
    'header': ['/usr/include/zlib.h'],
    'refused': r"field 'extra': 'Bytef \*' can't be mapped; say WEIR_FIELD\(length = member\) for bytes[^\n]*\n"
               r"copy.h:\d+:14: error: field 'name': 'Bytef \*' can't be mapped; .*"
               r"for text use WEIR_FIELD\(encode=…, decode=…\) or WEIR_FIELD\(skip\)",
    'first': [(r'typedef struct gz_header_s \{', '''#include <weir/codec.h>
weir_status write_text(Bytef *const *value, weir_value_sink *sink, weir_error *err);
weir_status read_text(const char *bytes, size_t len, Bytef **value, weir_error *err);
typedef struct WEIR_JOB gz_header_s {''')],
    'edits': [(r'(\*extra);', r'\1 WEIR_FIELD(length = extra_len, optional);'),
              (r'(Bytef   \*(?:name|comment));', r'\1 WEIR_FIELD(encode = write_text, decode = read_text, optional);'),
              (r'(uInt    (?:extra|name|comm)_max);', r'\1 WEIR_FIELD(skip);')],
    'name': 'gz_header_s', 'type': 'gz_header',
    'functions': '''
weir_status write_text(Bytef *const *value, weir_value_sink *sink, weir_error *err)
{
    (void)err;
    return weir_value_write(sink, *value, strlen((const char *)*value));
}
weir_status read_text(const char *bytes, size_t len, Bytef **value, weir_error *err)
{
    (void)len, (void)err;
    *value = (Bytef *)(uintptr_t)bytes; /* it lives as long as the job */
    return WEIR_OK;
}
''',
    'test': '''
    in.time = 4000000000u, in.os = 3, in.name = (Bytef *)"a.txt", in.name_max = 7, in.hcrc = 1;
    pass(&in, &out);
    assert(out.time == 4000000000u && out.os == 3 && out.hcrc == 1 && out.name_max == 0 && out.comment == NULL);
    assert(strcmp((const char *)out.name, "a.txt") == 0 && out.extra == NULL && out.extra_len == 0);
    in.extra = (Bytef *)"\\0\\1", in.extra_len = 2;
    pass(&in, &out);
    assert(out.extra_len == 2 && memcmp(out.extra, "\\0\\1", 2) == 0);
''',
}
PCAP = {
    'header': ['/usr/include/pcap/pcap.h'],
    'refused': r"copy.h:\d+:18: error: field 'next': 'struct pcap_if \*' can't be mapped; .* or WEIR_FIELD\(skip\)\n"
               r"copy.h:\d+:20: error: field 'addresses': 'struct pcap_addr \*' can't be mapped; "
               r".* or WEIR_FIELD\(skip\)\n$",
    'first': [(r'struct pcap_if \{', 'struct WEIR_JOB pcap_if {')],
    'edits': [(r'(struct pcap_if \*next);', r'\1 WEIR_FIELD(skip);'),
              (r'(struct pcap_addr \*addresses);', r'\1 WEIR_FIELD(skip);'),
              (r'(char \*description);', r'\1 WEIR_FIELD(optional, max = 80);')],
    'name': 'pcap_if', 'type': 'pcap_if_t', 'functions': '',
    'test': '''
    in.name = (char *)"eth0", in.flags = PCAP_IF_UP | PCAP_IF_CONNECTION_STATUS, in.next = &in;
    pass(&in, &out);
    assert(strcmp(out.name, "eth0") == 0 && out.description == NULL && out.flags == in.flags && out.next == NULL);
''',
}
CASES = (MOSQUITTO, LIBPQ, GPS, USB, ZLIB, PCAP)

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
        text, n = re.subn(pattern, replacement, text)
        assert 1 <= n <= 3, (pattern, n)
    return text


def write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def generate(codegen, folder, header):
    return subprocess.run([codegen, 'copy.h', '--', '-isystem', os.path.dirname(header)], cwd=folder,
                          stderr=subprocess.PIPE, check=False)


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
    missing = [case['header'][0] for case in CASES
               if not any(os.path.isfile(path) for path in case['header'])]
    if missing:
        print('missing:', *missing)
        sys.exit(1 if os.environ.get('WEIR_TEST_NO_SKIP') else 77)
    for case in CASES:
        run(case, codegen, build)


main(*(os.path.abspath(path) for path in sys.argv[1:]))
