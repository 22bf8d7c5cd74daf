/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sensor_programs.h: the kernel programs by name: which backend each serves, and what is not seen without it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "abi.h"
#include "sensor/kernel_support.h"

#define BACKEND_BIT(backend) (1u << (backend))
#define BACKENDS_ALL         (BACKEND_BIT(SENSOR_BACKEND_COUNT) - 1)

struct sensor_program {
	const char *name;
	unsigned int backends; /* BACKEND_BIT()s */
	const char *unseen;    /* what this host cannot see without it; NULL: nothing works without it */
	size_t needs;   /* offset of the bool in struct kernel_support without which it is not even tried; 0: none */
	enum tier tier; /* only loaded in this one; TIER_OBSERVE: in all */
};

extern const struct sensor_program sensor_programs[];
extern const size_t sensor_programs_count;

/* What a backend cannot see even with all of its programs; ended by NULL. */
const char *const *sensor_backend_limits(enum sensor_backend backend);
