/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_destination.h: one destination of an egress list, as text: an address or a block of them, with or without a
 * port.
 *
 *     10.0.0.5   10.0.0.5:5432   10.0.0.0/8   10.0.0.0/8:443
 *     fd00::1    [fd00::1]:443   fd00::/8     [fd00::/8]:443
 *
 * One spelling for one meaning: no names, no zones ("%eth0"), no leading zeros, no IPv4 address written as IPv6, no
 * bits of the address behind the prefix, brackets only where there is a port.
 */
#pragma once

#include <stdbool.h>

#include "policy/policy_value.h"

struct policy_destination;

/* 0, or -EINVAL with one sentence in `why` that says what to write instead. */
int policy_destination_parse(const char *value, struct policy_destination *ret, char why[POLICY_WHY_SIZE]);

#define POLICY_DESTINATION_SIZE 64
/* The one spelling of it; returns out. */
const char *policy_destination_format(const struct policy_destination *destination, char out[POLICY_DESTINATION_SIZE]);

/* Whether every destination that `part` stands for is one of `whole`. */
bool policy_destination_covers(const struct policy_destination *whole, const struct policy_destination *part);
