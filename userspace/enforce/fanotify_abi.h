/* SPDX-License-Identifier: Apache-2.0 */
/* fanotify_abi.h: what <linux/fanotify.h> of newer kernels than the build's has, by its names there. */
#pragma once

#include <sys/fanotify.h>

#ifndef FAN_PRE_ACCESS
#define FAN_PRE_ACCESS 0x00100000 /* 6.14 (4f0ec01f45cd) */
#endif
