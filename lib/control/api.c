/* SPDX-License-Identifier: MIT */
#include "control/api.h"

#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool refuse(struct control_task *task, const char *name, const char *what)
{
    control_answer_error(&task->answer, 400, "argument", "%s has to be %s.", name, what);
    return false;
}

bool control_read_count(struct control_task *task, size_t *ret)
{
    const struct control_text *text = control_uri_parameter(&task->uri, "count");
    uint64_t count = CONTROL_PAGE_DEFAULT;
    if (text && (!weir_parse_u64(text->bytes, text->len, &count) || count < 1 || count > CONTROL_PAGE_MAX))
        return refuse(task, "count", "a number from 1 to 1000");
    *ret = (size_t)count;
    return true;
}

/* Digits, and with a dash more of them. */
static bool is_entry(const char *text, bool short_form)
{
    size_t first = strspn(text, "0123456789"), second;
    if (first < 1 || first > 20)
        return false;
    if (text[first] == '\0')
        return short_form;
    second = strspn(text + first + 1, "0123456789");
    return text[first] == '-' && second >= 1 && second <= 20 && text[first + 1 + second] == '\0';
}

bool control_read_entry(struct control_task *task, const char *text, bool short_form, char ret[CONTROL_ENTRY_SIZE])
{
    if (!is_entry(text, short_form))
        return refuse(task, "An entry's id", "one such as 1795310682579-0");
    const char *dash = strchr(text, '-');
    unsigned long long ms = strtoull(text, NULL, 10); /* the largest, where it is larger: there is no such entry */
    snprintf(ret, CONTROL_ENTRY_SIZE, "%llu-%llu", ms, dash ? strtoull(dash + 1, NULL, 10) : 0);
    return true;
}

bool control_read_after(struct control_task *task, char ret[CONTROL_ENTRY_SIZE])
{
    const struct control_text *text = control_uri_parameter(&task->uri, "after");
    ret[0] = '\0';
    return !text || text->len == 0 || control_read_entry(task, text->bytes, true, ret);
}

json_t *control_read_object(struct control_task *task)
{
    json_error_t wrong;
    json_t *object = json_loadb(task->body, task->body_len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &wrong);
    if (!object && wrong.line < 0) { /* nothing is wrong with it */
        control_answer_json(&task->answer, 500, NULL);
    } else if (!object) {
        control_answer_error(&task->answer, 400, "bad_request", "The body is no JSON: %s, line %d, column %d.",
                             wrong.text, wrong.line, wrong.column);
    } else if (!json_is_object(object)) {
        control_answer_error(&task->answer, 400, "bad_request", "The body has to be a JSON object.");
        json_decref(object);
        object = NULL;
    }
    return object;
}

bool control_has_only(struct control_task *task, const json_t *object, const char *const *names)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;
        while (names[i] && strcmp(names[i], key) != 0)
            i++;
        if (!names[i]) {
            control_answer_error(&task->answer, 400, "argument", "The body must not have a member \"%.60s\".", key);
            return false;
        }
    }
    return true;
}

bool control_read_nothing(struct control_task *task)
{
    static const char *const none[] = {NULL};
    json_t *object = control_read_object(task);
    bool good = object && control_has_only(task, object, none);
    json_decref(object);
    return good;
}

void control_answer_changed(struct control_task *task, weir_status status, const weir_error *err)
{
    if (status == WEIR_OK)
        control_answer_json(&task->answer, 200, json_pack("{s:i}", "count", 1));
    else
        control_answer_failure(&task->answer, err, false);
}

/* --- pages --- */

struct control_page control_page_begin(void *context)
{
    struct control_page page = {.items = json_array(), .context = context};
    page.failed = !page.items;
    return page;
}

int control_page_add(struct control_page *page, json_t *taken)
{
    page->text += taken ? control_json_size(taken) : 0;
    if (page->failed || !taken || !control_json_add(page->items, taken)) {
        page->failed = true;
        return 1;
    }
    page->n++;
    page->full = page->text > CONTROL_TEXT_MAX;
    return page->full;
}

json_t *control_page_end(struct control_page *page, json_t *next)
{
    json_t *object = page->failed ? NULL : json_object();
    if (!object) {
        json_decref(next);
        control_page_drop(page);
        return NULL;
    }
    bool good = control_json_set(object, "items", page->items);
    good &= control_json_set(object, "next", next);
    page->items = NULL; /* both are taken in any case */
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

void control_page_drop(struct control_page *page)
{
    json_decref(page->items);
    page->items = NULL;
}
