/* SPDX-License-Identifier: MIT
 *
 * The version of weir, when a program was compiled and when it runs.
 */
#ifndef WEIR_VERSION_H
#define WEIR_VERSION_H

#include <weir/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_VERSION_MAJOR 0
#define WEIR_VERSION_MINOR 1
#define WEIR_VERSION_PATCH 0
#define WEIR_VERSION "0.1.0"

/* The version of the library at run time, as "0.1.0". Static memory. Thread: any. */
WEIR_API const char *weir_version(void);

#ifdef __cplusplus
}
#endif
#endif
