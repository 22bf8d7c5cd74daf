/* SPDX-License-Identifier: Apache-2.0 */
/* probe_report.h: what --probe prints: what this kernel allows, what would be chosen, how to get more. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* Probes the kernel and writes the report. 0 when a backend works, else -errno; the report says why either way. */
int probe_report_write(FILE *stream, bool as_json);
