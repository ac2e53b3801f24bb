/* SPDX-License-Identifier: MIT */
#include "units.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct shown show_count(int64_t n)
{
    struct shown shown;
    if (n < 0)
        snprintf(shown.text, sizeof shown.text, "?");
    else if (n >= INT64_C(10000000000))
        snprintf(shown.text, sizeof shown.text, "%.1fG", floor((double)n / 1e8) / 10);
    else if (n >= 10000000)
        snprintf(shown.text, sizeof shown.text, "%.1fM", floor((double)n / 1e5) / 10);
    else if (n >= 1000000)
        snprintf(shown.text, sizeof shown.text, "%" PRId64 ",%03" PRId64 ",%03" PRId64, n / 1000000, n / 1000 % 1000,
                 n % 1000);
    else if (n >= 1000)
        snprintf(shown.text, sizeof shown.text, "%" PRId64 ",%03" PRId64, n / 1000, n % 1000);
    else
        snprintf(shown.text, sizeof shown.text, "%" PRId64, n);
    return shown;
}

struct shown show_span(int64_t ms)
{
    struct shown shown;
    int64_t s = ms / 1000;
    if (ms < 0)
        snprintf(shown.text, sizeof shown.text, "?");
    else if (ms < 1000)
        snprintf(shown.text, sizeof shown.text, "%" PRId64 "ms", ms);
    else if (ms < 10000)
        snprintf(shown.text, sizeof shown.text, "%" PRId64 ".%" PRId64 "s", s, ms / 100 % 10);
    else if (s < 60)
        snprintf(shown.text, sizeof shown.text, "%" PRId64 "s", s);
    else if (s < 3600)
        snprintf(shown.text, sizeof shown.text, "%" PRId64 "m %" PRId64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(shown.text, sizeof shown.text, "%" PRId64 "h %" PRId64 "m", s / 3600, s / 60 % 60);
    else
        snprintf(shown.text, sizeof shown.text, "%" PRId64 "d %" PRId64 "h", s / 86400, s / 3600 % 24);
    return shown;
}

struct shown show_bytes(double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    struct shown shown;
    size_t i = 0;
    for (; bytes >= 1024 && i + 1 < sizeof units / sizeof *units; i++)
        bytes /= 1024;
    snprintf(shown.text, sizeof shown.text, i ? "%.1f %s" : "%.0f %s", bytes, units[i]);
    return shown;
}

struct shown show_rate(double per_second)
{
    if (per_second >= 100)
        return show_count((int64_t)(per_second + 0.5));
    struct shown shown;
    snprintf(shown.text, sizeof shown.text, per_second == 0 ? "%.0f" : "%.1f", per_second);
    return shown;
}

struct shown show_time(double ms_since_epoch)
{
    struct shown shown;
    struct tm parts;
    snprintf(shown.text, sizeof shown.text, "never");
    if (!(ms_since_epoch >= 0 && ms_since_epoch < 253402300800e3))
        return shown;
    int64_t ms = (int64_t)ms_since_epoch;
    time_t seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, &parts);
    size_t len = strftime(shown.text, sizeof shown.text, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(shown.text + len, sizeof shown.text - len, ".%03dZ", (int)(ms % 1000));
    return shown;
}

bool parse_span(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    double sum = 0;
    if (!*text)
        return false;
    while (*text) {
        size_t digits = strspn(text, "0123456789.");
        char *unit;
        double value = strtod(text, &unit);
        if (digits == 0 || unit != text + digits)
            return false;
        size_t len = strcspn(unit, "0123456789"), i = 0;
        while (i < sizeof units / sizeof *units && (strlen(units[i].name) != len || strncmp(unit, units[i].name, len)))
            i++;
        if (i == sizeof units / sizeof *units)
            return false;
        sum += value * units[i].ms;
        text = unit + len;
    }
    if (!(sum < 864e9))
        return false;
    *ret_ms = (int64_t)(sum + 0.5);
    return true;
}

/* Reads ±HH:MM, Z or nothing. *ret_local: nothing. */
static bool parse_zone(const char *text, long *ret_seconds, bool *ret_local)
{
    unsigned hours, minutes;
    int read = 0;
    *ret_seconds = 0;
    *ret_local = *text == '\0';
    if (*ret_local || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return true;
    if ((*text != '+' && *text != '-') || strlen(text) != 6 ||
        sscanf(text + 1, "%2u:%2u%n", &hours, &minutes, &read) != 2 || read != 5 || hours > 23 || minutes > 59)
        return false;
    *ret_seconds = (*text == '-' ? -1 : 1) * (long)(hours * 3600 + minutes * 60);
    return true;
}

bool parse_time(const char *text, int64_t *ret_ms)
{
    struct tm parts = {.tm_isdst = -1};
    const char *rest = strptime(text, "%Y-%m-%d", &parts);
    if (!rest || (*rest != 'T' && *rest != ' '))
        return false;
    const char *clock = strptime(rest + 1, "%H:%M:%S", &parts);
    if (!clock) {
        parts.tm_sec = 0;
        clock = strptime(rest + 1, "%H:%M", &parts);
    }
    if (!clock)
        return false;
    int64_t ms = 0;
    if (*clock == '.') {
        char *end;
        double fraction = strtod(clock, &end);
        if (end == clock + 1)
            return false;
        ms = (int64_t)(fraction * 1000);
        clock = end;
    }
    long zone;
    bool local;
    if (!parse_zone(clock, &zone, &local))
        return false;
    int day = parts.tm_mday;
    time_t seconds = local ? mktime(&parts) : timegm(&parts) - zone;
    if (parts.tm_mday != day || seconds <= 0) /* the 31st of June */
        return false;
    *ret_ms = (int64_t)seconds * 1000 + ms;
    return true;
}

bool parse_count(const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno)
        return false;
    *ret = value;
    return true;
}

bool is_entry_id(const char *text)
{
    char *end;
    for (int part = 0; part < 2; part++, text = end + 1) {
        errno = 0;
        if (*text < '0' || *text > '9')
            return false;
        strtoull(text, &end, 10);
        if (errno)
            return false;
        if (!*end)
            return true;
        if (*end != '-')
            return false;
    }
    return false;
}
