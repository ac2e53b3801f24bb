/* SPDX-License-Identifier: MIT */
#include "access_lists.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

weir_error last_error;
static char *page; /* its text */

static char *read_page(const char *path)
{
    enum { MOST = 1 << 20 };
    FILE *file = fopen(path, "re");
    char *text = calloc(1, MOST);
    if (!file || !text || fread(text, 1, MOST - 1, file) == 0)
        test_die("%s can't be read", path);
    fclose(file);
    return text;
}

static bool has_token(const struct list *list, const char *token)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->tokens[i], token) == 0)
            return true;
    return false;
}

void add_block(struct list *list, const char *name)
{
    char fence[64];
    snprintf(fence, sizeof fence, "\n```acl %s\n", name);
    const char *block = strstr(page, fence);
    if (!block)
        test_die("the page has no block \"acl %s\"", name);
    block += strlen(fence);
    char *text = strndup(block, (size_t)(strstr(block, "\n```") - block)), *rest = NULL;
    for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        if ((word[0] != '~' && word[0] != '+') || has_token(list, word))
            continue;
        assert_true(list->n < MAX_TOKENS && strlen(word) < TOKEN_SIZE);
        strcpy(list->tokens[list->n++], word);
    }
    free(text);
}

void allow(struct test_server *server, const struct list *list, const char *without)
{
    const char *argv[MAX_TOKENS + 8] = {"ACL", "SETUSER", "u", "reset", "on", ">secret"};
    int argc = 6;
    for (size_t i = 0; i < list->n; i++)
        if (!without || strcmp(list->tokens[i], without) != 0)
            argv[argc++] = list->tokens[i];
    redisReply *reply = test_server_argv(server, argc, argv, NULL);
    if (reply->type == REDIS_REPLY_ERROR)
        test_die("ACL SETUSER: %s", reply->str);
    freeReplyObject(reply);
}

const char *user_url(struct scene *scene)
{
    static char url[192];
    snprintf(url, sizeof url, "unix://u:secret@%s", test_server_socket(scene->server));
    return url;
}

void command(struct scene *scene, const char *words)
{
    redisReply *reply = test_server_command(scene->server, words);
    if (reply->type == REDIS_REPLY_ERROR)
        test_die("%s: %s", words, reply->str);
    freeReplyObject(reply);
}

long long executed(struct scene *scene, const char *name)
{
    redisReply *reply = test_server_command(scene->server, "INFO commandstats");
    char key[64];
    snprintf(key, sizeof key, "cmdstat_%s:calls=", name);
    const char *found = strstr(reply->str, key);
    if (!found) {
        snprintf(key, sizeof key, "cmdstat_%.*s:calls=", (int)strcspn(name, "|"), name);
        found = strstr(reply->str, key);
    }
    long long calls = found ? atoll(found + strlen(key)) : 0;
    freeReplyObject(reply);
    return calls;
}

void expect_all_used(struct scene *scene, const struct list *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->tokens[i][0] == '+' && executed(scene, list->tokens[i] + 1) == 0)
            fail_msg("%s is allowed and never used", list->tokens[i]);
}

void expect_nothing_denied(struct scene *scene)
{
    redisReply *denials = test_server_command(scene->server, "ACL LOG");
    if (denials->elements > 0)
        fail_msg("%s was denied", denials->element[0]->element[7]->str);
    freeReplyObject(denials);
}

/* The words of the error, in lower case. */
static const char *words_of_error(void)
{
    static char words[sizeof last_error.message + sizeof last_error.server + 2];
    snprintf(words, sizeof words, "%s|%s", last_error.message, last_error.server);
    for (char *c = words; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return words;
}

/* Whether the error names the command, as in "xadd", "xinfo groups" or "cluster slots". */
static bool names(const char *words, const char *token)
{
    char name[TOKEN_SIZE];
    snprintf(name, sizeof name, "%s", token + 1);
    for (char *c = name; *c; c++)
        if (*c == '|')
            *c = ' ';
    return strstr(words, name) != NULL;
}

void expect_missed(const struct list *list, const char *token, weir_status status)
{
    if (status != WEIR_ERR_PERMISSION)
        fail_msg("without %s: %s: %s %s", token, weir_status_name(status), last_error.message, last_error.server);
    assert_int_equal(last_error.code, WEIR_ERR_PERMISSION);
    const char *words = words_of_error();
    bool named = names(words, token);
    for (size_t i = 0; i < list->n && token[0] == '~'; i++)
        named |= list->tokens[i][0] == '+' && names(words, list->tokens[i]);
    if (!named)
        fail_msg("without %s: \"%s\" does not name it", token, words);
}

void expect_each_missed(struct scene *scene, const struct list *list, weir_status (*live)(struct scene *scene))
{
    for (size_t i = 0; i < list->n; i++) {
        allow(scene->server, list, list->tokens[i]);
        last_error = (weir_error){.code = WEIR_OK};
        expect_missed(list, list->tokens[i], live(scene));
    }
    allow(scene->server, list, NULL);
    if (live(scene) != WEIR_OK)
        fail_msg("%s %s", last_error.message, last_error.server);
}

weir_status enqueue(weir_producer *producer, const char *id, int64_t delay_ms, int64_t window_ms)
{
    weir_enqueue_options options = WEIR_ENQUEUE_OPTIONS_INIT;
    options.id = id;
    options.delay_ms = delay_ms;
    options.idempotency_ms = window_ms;
    return weir_enqueue(producer, WEIR_FIELDS(weir_field_text("do", "done")), &options, NULL, &last_error);
}

int access_run(int argc, char **argv, int (*run_all)(void))
{
    if (argc != 2)
        test_die("usage: %s PAGE", argv[0]);
    page = read_page(argv[1]);
    int failed = run_all();
    free(page);
    return failed;
}
