/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal.h: a full screen that is given back whatever happens.
 *
 * While held, keys arrive at once and are not shown, and what was on the screen comes back at the end; SIGINT,
 * SIGTERM, SIGHUP and SIGQUIT give it back before they end the process as they always do. One at a time; one thread.
 */
#pragma once

/* 0, or -ENOTTY and other errno when either descriptor is no terminal that can do this. */
int terminal_take(int in_fd, int out_fd);
void terminal_give_back(void);

/*
 * Waits for a key. Returns it (0..255), or -EAGAIN after timeout_ms, -EINTR after a signal (the size of the window may
 * be new), -EPIPE when there will never be another, other errno.
 */
int terminal_key(int timeout_ms);
