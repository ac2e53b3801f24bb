/* SPDX-License-Identifier: MIT
 *
 * Marks what libweir exports. lib/weir.map has the same list; a test compares the two.
 */
#ifndef WEIR_VISIBILITY_H
#define WEIR_VISIBILITY_H

#if defined(__GNUC__) || defined(__clang__)
#define WEIR_API __attribute__((visibility("default")))
#define WEIR_PRINTF(format_index, first_argument) __attribute__((format(printf, format_index, first_argument)))
#else
#define WEIR_API
#define WEIR_PRINTF(format_index, first_argument)
#endif

#endif
