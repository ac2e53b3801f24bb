/* SPDX-License-Identifier: MIT */
#include "support/certificates.h"

#include "support/wait.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_PATHS = 64 };

static char directory[] = "/tmp/weir-certificates-XXXXXX";
static pid_t owner; /* 0: the directory has not been made */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void clean_up(void)
{
    if (getpid() == owner)
        nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *test_certificate_path(const char *file)
{
    static char paths[MAX_PATHS][96];
    static int n;
    if (owner == 0) {
        if (!mkdtemp(directory))
            test_die("mkdtemp: %s", strerror(errno));
        owner = getpid();
        atexit(clean_up);
    }
    char path[96];
    snprintf(path, sizeof path, "%s/%s", directory, file);
    for (int i = 0; i < n; i++)
        if (strcmp(paths[i], path) == 0)
            return paths[i];
    if (n == MAX_PATHS)
        test_die("more than %d files of certificates", MAX_PATHS);
    return strcpy(paths[n++], path);
}

/* Runs a command of the shell in the directory. */
static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
    char command[2048];
    int len = snprintf(command, sizeof command, "exec >>%s 2>&1; cd %s && ", test_certificate_path("log"), directory);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command + len, sizeof command - (size_t)len, format, arguments);
    va_end(arguments);
    if (system(command) == 0)
        return;
    char line[512];
    FILE *log = fopen(test_certificate_path("log"), "re");
    while (log && fgets(line, sizeof line, log))
        fputs(line, stderr);
    clean_up();
    test_die("openssl failed: %s", command + len);
}

#define NEW_KEY "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out %s.key"

void test_authority(const char *name)
{
    run(NEW_KEY " && openssl req -x509 -new -key %s.key -subj '/CN=%s' -days 30 -out %s.pem", name, name, name, name);
}

void test_certificate(const char *name, const char *authority, const char *alt_names, int days)
{
    run(NEW_KEY " && openssl req -new -key %s.key -subj '/CN=%s' -out %s.csr", name, name, name, name);
    run("echo 'subjectAltName=%s' >%s.ext && "
        "openssl x509 -req -in %s.csr -CA %s.pem -CAkey %s.key -CAcreateserial -extfile %s.ext -days %d -out %s.pem",
        alt_names, name, name, authority, authority, name, days, name);
}

void test_encrypted_key(const char *name, const char *copy, const char *passphrase)
{
    run("openssl pkey -in %s.key -aes256 -passout 'pass:%s' -out %s.key", name, passphrase, copy);
}
