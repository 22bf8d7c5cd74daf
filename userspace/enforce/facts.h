/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.h: what bpf/verdict.h needs to know of a process, out of what identity says of it: the userspace twin of what
 * bpf/decide.h gathers in the kernel.
 */
#pragma once

#include "abi.h"
#include "verdict.h"

struct access_process;
struct classes;

/*
 * Fills all but the kind. Open is what is not known there: "" for the program or the control group, ancestors that were
 * cut. A hash that is not there yet holds for no class.
 */
void facts_of_process(const struct classes *classes, const struct access_process *process,
		      struct verdict_facts *ret_facts);
