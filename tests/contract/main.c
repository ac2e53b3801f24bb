/* SPDX-License-Identifier: MIT */
#include "contract.h"

int main(void)
{
    int failed = contract_factory.start();
    failed += run_session_tests() + run_reading_tests() + run_enqueueing_tests() + run_idempotency_tests() +
              run_settling_tests() + run_taking_over_tests() + run_housekeeping_tests() + run_dead_letter_tests() +
              run_survival_tests() + run_tracing_tests() + run_pausing_tests() + run_inspecting_tests() +
              run_operating_tests();
    contract_factory.stop();
    return failed > 0;
}
