/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_peer.h: who is at the other end of a control connection, as the kernel says (SO_PEERCRED and SO_PEERGROUPS,
 * unix(7)): the credentials of the moment of connect(2), so nothing that the peer does later changes them.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#define CONTROL_GROUP_NONE ((gid_t)-1)

struct control_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	bool is_member; /* of the control group, by its gid or a supplementary group */
};

/* 0 or -errno. With CONTROL_GROUP_NONE nobody is a member. */
int control_peer_read(int fd, gid_t group, struct control_peer *ret_peer);

/* Root, our own effective user, and members of the control group. */
bool control_peer_is_allowed(const struct control_peer *peer);
