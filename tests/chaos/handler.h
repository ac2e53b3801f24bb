/* SPDX-License-Identifier: MIT
 *
 * What jobs of a run do, by their field "do", a word and numbers:
 *   done MS            works so long, and is done
 *   retry N MS         fails N times, then is done
 *   fail               fails each time
 *   reject             that
 *   later N MS         as retry, asynchronously: another thread finishes it
 *   crash, exit, hang  takes its process along, or never returns
 *   bad                its codec refuses it
 * The field "n" names the job, no other has the same. Each run records its start and its end.
 */
#ifndef CHAOS_HANDLER_H
#define CHAOS_HANDLER_H

#include <weir/weir.h>

extern const weir_codec chaos_codec;

weir_outcome chaos_handle(weir_job *job, void *unused);
int chaos_on_dead(const weir_dead_letter *letter, void *unused);
void chaos_on_event(const weir_event *event, void *unused);

#endif
