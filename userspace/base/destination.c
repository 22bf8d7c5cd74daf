/* SPDX-License-Identifier: Apache-2.0 */
#include "base/destination.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *destination_address(const struct egress_address *address, char out[DESTINATION_ADDRESS_SIZE])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool is_ipv4 = memcmp(address->bytes, mapped, sizeof(mapped)) == 0;

	/* Fails only for want of room. */
	(void)inet_ntop(is_ipv4 ? AF_INET : AF_INET6, address->bytes + (is_ipv4 ? sizeof(mapped) : 0), out,
			DESTINATION_ADDRESS_SIZE);
	return out;
}

const char *destination_protocol(uint16_t protocol, char out[DESTINATION_PROTOCOL_SIZE])
{
	static const struct {
		uint16_t number;
		const char *name;
	} names[] = {
		{IPPROTO_TCP, "tcp"},     {IPPROTO_UDP, "udp"},          {IPPROTO_RAW, "raw"},
		{IPPROTO_ICMP, "icmp"},   {IPPROTO_ICMPV6, "ipv6-icmp"}, {IPPROTO_SCTP, "sctp"},
		{IPPROTO_MPTCP, "mptcp"}, {IPPROTO_UDPLITE, "udplite"},  {IPPROTO_DCCP, "dccp"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == protocol)
			return names[i].name;
	(void)snprintf(out, DESTINATION_PROTOCOL_SIZE, "ip-%u", protocol);
	return out;
}
