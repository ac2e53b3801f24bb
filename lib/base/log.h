/* SPDX-License-Identifier: MIT */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include <weir/log.h>

/*
 * Logs one line (printf-style, cut at 1,023 bytes). Only a thread's top function and the stop path log: everything else
 * returns its errors. Never called with a lock of a queue held, since the callback is the user's. Thread: any.
 */
void weir_log(weir_log_level level, const char *format, ...) WEIR_PRINTF(2, 3);

#endif
