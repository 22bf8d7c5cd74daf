/* SPDX-License-Identifier: Apache-2.0 */
/* destination.h: where a process sends to, as events and the screen write it. */
#pragma once

#include <stdint.h>

#include "abi.h"

#define DESTINATION_ADDRESS_SIZE  46
#define DESTINATION_PROTOCOL_SIZE 16

/* "10.0.0.5", "fd00::1". Returns out. */
const char *destination_address(const struct egress_address *address, char out[DESTINATION_ADDRESS_SIZE]);
/* "tcp", "udp", "raw" (IPPROTO_RAW), ..., "ip-NUMBER" without a name here. Returns out or a constant. */
const char *destination_protocol(uint16_t protocol, char out[DESTINATION_PROTOCOL_SIZE]);
