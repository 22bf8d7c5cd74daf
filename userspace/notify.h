/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h: tells the service manager how we are (sd_notify(3)), when there is one; see systemd.service(5),
 * Type=notify. */
#pragma once

#include <stdint.h>

/* Sends "READY=1", "STOPPING=1" or the like to $NOTIFY_SOCKET. Without one it does nothing; failures are logged at
 * debug. */
void notify_send(const char *state);
/* "RELOADING=1" with the time stamp that Type=notify-reload wants. */
void notify_reloading(void);
/*
 * How often the service manager wants "WATCHDOG=1", in microseconds; 0: it does not ask this process
 * (sd_watchdog_enabled(3)).
 */
uint64_t notify_watchdog_us(void);
