/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/control_peer.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#ifndef SO_PEERGROUPS /* Linux 4.13 */
#define SO_PEERGROUPS 59
#endif

/* 1 when `group` is among the peer's supplementary groups, 0 when not, or -errno. */
static int has_group(int fd, gid_t group)
{
	_cleanup_(freep) gid_t *groups = NULL;
	socklen_t size = 0;

	/* The first call has no room, so that the kernel says how much is needed; it succeeds when there are none. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0)
		return 0;
	if (errno != ERANGE)
		return -errno;
	groups = malloc(size);
	if (!groups)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return -errno;
	for (size_t i = 0; i < size / sizeof(*groups); i++)
		if (groups[i] == group)
			return 1;
	return 0;
}

int control_peer_read(int fd, gid_t group, struct control_peer *ret_peer)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	int r = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return -errno;
	if (group != CONTROL_GROUP_NONE) {
		r = cred.gid == group ? 1 : has_group(fd, group);
		if (r < 0)
			return r;
	}
	*ret_peer = (struct control_peer){.pid = cred.pid, .uid = cred.uid, .gid = cred.gid, .is_member = r > 0};
	return 0;
}

bool control_peer_is_allowed(const struct control_peer *peer)
{
	return peer->uid == 0 || peer->uid == geteuid() || peer->is_member;
}
