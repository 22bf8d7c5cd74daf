/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * sensor.bpf.c: the one object that the daemon loads.
 *
 * The subjects share every map and the global functions, so they are compiled as one unit. (Separate objects joined by
 * `bpftool gen object` were tried: the linker of libbpf 1.1 cannot merge the same kernel function used by two of them.)
 */
#include "access.bpf.c"
#include "egress.bpf.c"
#include "guard.bpf.c"
#include "memory.bpf.c"
#include "process.bpf.c"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
