#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Manual pages of section 3, from the comments of the public headers.

    headers.py --list HEADER…            prints the names of the pages, one a line
    headers.py VERSION FOLDER HEADER…    writes them: weir.3, weir_admin.3 for <weir/admin.h> and so on, and for each
                                         function a page that leads to its header's

What it reads is what the headers look like: a comment at the top; then comments, each above what it is about.
Paragraphs are separated by empty lines, what is indented by four is code, and a comment in dashes is a heading.
"""

import os
import re
import sys
import textwrap

from roff import Page, bold, escape

SKIPPED = re.compile(
    r"^(#(ifn?def|if|else|endif|include|undef)\b.*|#define WEIR_\w+_H"
    r"|#define WEIR_\w+_(MEMBER|ENUM_ENTRY|TYPE_\w+|ANNOTATE|TEXT)\b[^\\]*|extern \"C\" \{|/\* clang-format.*)$"
)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def without_cplusplus(text):
    """Of what is there for both languages, the C part."""
    kept, stack = [], []  # the conditionals that are open: True, False: of the language, and taken or not; None: others
    for line in text.split("\n"):
        if re.match(r"#if", line):
            language = re.fullmatch(r"#if(n?)def __cplusplus", line)
            stack.append(language.group(1) == "n" if language else None)
            if language:
                continue
        elif line.startswith("#else") and stack[-1] is not None:
            stack[-1] = not stack[-1]
            continue
        elif line.startswith("#endif") and stack.pop() is not None:
            continue
        if False not in stack:
            kept.append(line)
    return "\n".join(kept)


def unwrap(comment):
    """The lines of a comment without its stars."""
    lines = [re.sub(r"^ ?\* ?|^\s*\*$", "", line.rstrip()) for line in comment.strip("\n").split("\n")]
    lines = [lines[0].strip(), *lines[1:]]
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def blocks(text):
    """[(comment or None, lines of code)]: what an empty line separates belongs together."""
    found, comment, code = [], None, []

    def close():
        nonlocal comment, code
        if comment is not None or code:
            found.append((comment, code))
        comment, code = None, []

    depth, lines, i = 0, text.split("\n"), 0
    while i < len(lines):
        line = lines[i]
        if depth == 0 and not code and line.startswith("/*"):
            close()
            start = i
            while "*/" not in lines[i]:
                i += 1
            comment = "\n".join(lines[start : i + 1])
            comment = comment[2 : comment.rindex("*/")]
        elif not line.strip() and depth == 0:
            close()
        elif line.strip() or depth:
            code.append(line)
            depth += line.count("{") - line.count("}")
        i += 1
    close()
    return found


def rewrap(match):
    return "\n".join(wrap_code(" ".join(re.sub(r" WEIR_PRINTF\(.*\);", ";", match.group(0)).split())))


def declarations(code):
    """The lines without what only a compiler wants; bodies of inline functions are left out."""
    text = "\n".join(line for line in code if not SKIPPED.match(line) and "WEIR_CODEGEN_ANNOTATE" not in line)
    text = re.sub(r"\n\{\n.*?\n\}", ";", text, flags=re.DOTALL) if "static inline" in text else text
    text = re.sub(r"[ \t]+\\$", " \\\\", text, flags=re.MULTILINE)
    text = text.replace("WEIR_API extern ", "extern ").replace("WEIR_API ", "").replace("static inline ", "")
    text = re.sub(r"^(?!typedef|#|[ }])[^\n{]*\([^{]*?\)(?: WEIR_PRINTF\(\d, \d\))?;", rewrap, text, flags=re.MULTILINE)
    return [line for line in text.split("\n") if line.strip() not in ("", "}")] if "{" not in text else text.split("\n")


def prototypes(text):
    """All functions of a header, each on one line."""
    plain = re.sub(r"/\*.*?\*/", " ", without_cplusplus(text), flags=re.DOTALL)
    found = []
    for match in re.finditer(
        r"^(?:WEIR_API|static inline) (?!extern)([^;{#]*?\))\s*(?:WEIR_PRINTF\([^)]*\)\s*)?[;{]",
        plain,
        re.MULTILINE | re.DOTALL,
    ):
        line = " ".join(match.group(1).split())
        found.append((re.search(r"(weir_\w+)\(", line).group(1), wrap_code(line + ";")))
    return found


def wrap_code(line):
    """The lines of a prototype for a terminal of 80 columns, beside a margin; broken between arguments."""
    whole = textwrap.wrap(
        re.sub(r"(?<=[^,]) ", "\0", line), 72, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return [part.replace("\0", " ") for part in whole]


def title_of(comment_lines, code):
    names = re.findall(r"\b(weir_\w+)\(", " ".join(line for line in code if not line.startswith(("#", " "))))
    types = re.findall(
        r"^\} (weir_\w+);|^typedef (?:struct|enum) \w+ (weir_\w+);|^typedef .*\(\*(weir_\w+)\)|^#define (WEIR_\w+)",
        "\n".join(code),
        re.MULTILINE,
    )
    return list(dict.fromkeys(names + [name for group in types for name in group if name]))


def write_comment(page, lines):
    paragraph, code = [], []

    def flush():
        if code:
            page.code([line[4:] for line in code], indent=4)
        elif paragraph:
            for part in re.split(r"(?<=[.;)] )(?=(?:Errors|Source|Thread): )", " ".join(paragraph)):
                page.paragraph(part)
        paragraph.clear()
        code.clear()

    for line in lines:
        if line.startswith("    ") and not paragraph:
            code.append(line)
        elif not line.strip():
            flush()
        elif line.startswith("    ") and paragraph and paragraph[-1].endswith((":", "of")):
            flush()
            code.append(line)
        else:
            if code:
                flush()
            paragraph.append(line.strip())
    flush()


def summary_of(lines):
    """The first sentence of a header."""
    text = " ".join(line for line in lines if line.strip() and not line.startswith("    "))
    return re.split(r"(?<=[a-z)])[.](?: |$)", text)[0]


def head_of(text):
    """The comment at the top, without the licence."""
    match = re.match(r"/\*(.*?)\*/\n", text, re.DOTALL)
    return [line for line in unwrap(match.group(1)) if "SPDX-License-Identifier" not in line]


def page_name(path):
    name = os.path.basename(path)[:-2]
    return "weir" if name == "weir" else "weir_" + name


def write_header(path, version, folder):
    text = read(path)
    header, name = os.path.basename(path), page_name(path)
    head = head_of(text)
    while head and not head[0].strip():
        head.pop(0)
    page = Page(name, 3, version)
    functions = prototypes(text)
    page.section("NAME")
    names = [name] + [function for function, _ in functions if function != name]
    summary = summary_of(head) if head else f"part of weir: <weir/{header}>"
    page.raw(", ".join(escape(n) for n in names) + " \\- " + escape(summary[0].lower() + summary[1:]))
    page.section("SYNOPSIS")
    page.code([f"#include <weir/{header}>"])
    library = "weir-control" if header == "control.h" else "weir"
    page.code([f"cc … $(pkg-config --cflags --libs {library})"])
    if functions:
        page.code([line for _, lines in functions for line in lines])
    if head:
        page.section("DESCRIPTION")
        write_comment(page, head)
    body = without_cplusplus(text[text.index("*/") + 2 :])
    page.section("INTERFACE")
    for comment, code in blocks(body):
        lines = unwrap(comment) if comment is not None else []
        heading = re.fullmatch(r"--- (.*) ---", " ".join(lines).strip())
        if heading:
            page.section(heading.group(1).upper())
            continue
        code = declarations(code)
        if not code and not [line for line in lines if line.strip()]:
            continue
        titles = title_of(lines, code)
        if titles:
            page.subsection(", ".join(titles))
        if code:
            page.code(code)
        write_comment(page, lines)
    page.section('"SEE ALSO"')
    page.raw(".BR weir (1),\n.BR weir (3)")
    page.write(os.path.join(folder, name + ".3"))


def write_overview(headers, version, folder):
    page = Page("weir", 3, version)
    page.section("NAME")
    page.raw("weir \\- a job queue on Redis Streams")
    page.section("SYNOPSIS")
    page.code(["#include <weir/weir.h>"])
    page.code(["cc … $(pkg-config --cflags --libs weir)"])
    page.section("DESCRIPTION")
    page.paragraph(
        "A worker hands weir a handler and gets consumer groups, concurrency limits, retries with backoff, leases, "
        "dead letters and a bounded shutdown. A producer calls weir_enqueue, or says XADD in any language. Delivery "
        "is at least once."
    )
    page.paragraph(
        "<weir/weir.h> includes all headers but <weir/control.h>; each has a page of its own, and each function leads to its header's "
        "page."
    )
    for path in headers:
        name = page_name(path)
        head = head_of(read(path))
        if name != "weir" and head:
            page.raw(".TP")
            page.raw(f".BR {name} (3)")
            page.text(summary_of(head) + ".")
    page.section('"SEE ALSO"')
    page.raw(".BR weir (1),\n.BR redis\\-server (1)")
    page.write(os.path.join(folder, "weir.3"))


def main(arguments):
    only_list = arguments[0] == "--list"
    headers = arguments[1:] if only_list else arguments[2:]
    headers = [path for path in headers if os.path.basename(path) != "visibility.h"]  # which has nothing for users
    pages = [page_name(path) + ".3" for path in headers]
    aliases = {
        function + ".3": page_name(path)
        for path in headers
        for function, _ in prototypes(read(path))
        if function + ".3" not in pages
    }
    if only_list:
        print("\n".join(pages + sorted(aliases)))
        return
    version, folder = arguments[0], arguments[1]
    for path in headers:
        if page_name(path) != "weir":
            write_header(path, version, folder)
    write_overview(headers, version, folder)
    for alias, page in aliases.items():
        with open(os.path.join(folder, alias), "w", encoding="ascii") as file:
            file.write(f".so man3/{page}.3\n")


if __name__ == "__main__":
    main(sys.argv[1:])
