/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

#include "base/destination.h"

static void writes_addresses_as_people_do(void **state)
{
	const struct egress_address v4 = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 5}};
	const struct egress_address v6 = {{0xfd, [15] = 1}}, almost = {{1, [10] = 0xff, [11] = 0xff, [12] = 10}};
	const struct egress_address any = {{0}}, any4 = {{[10] = 0xff, [11] = 0xff}};
	struct egress_address longest;
	char out[DESTINATION_ADDRESS_SIZE];

	(void)state;
	memset(&longest, 0xff, sizeof(longest));
	assert_string_equal(destination_address(&v4, out), "10.0.0.5");
	assert_string_equal(destination_address(&v6, out), "fd00::1");
	assert_string_equal(destination_address(&almost, out), "100::ffff:a00:0");
	assert_string_equal(destination_address(&any, out), "::");
	assert_string_equal(destination_address(&any4, out), "0.0.0.0");
	assert_string_equal(destination_address(&longest, out), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void names_protocols_or_numbers_them(void **state)
{
	char out[DESTINATION_PROTOCOL_SIZE];

	(void)state;
	assert_string_equal(destination_protocol(IPPROTO_TCP, out), "tcp");
	assert_string_equal(destination_protocol(IPPROTO_UDP, out), "udp");
	assert_string_equal(destination_protocol(IPPROTO_MPTCP, out), "mptcp");
	assert_string_equal(destination_protocol(0, out), "ip-0");
	assert_string_equal(destination_protocol(UINT16_MAX, out), "ip-65535");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_addresses_as_people_do),
		cmocka_unit_test(names_protocols_or_numbers_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
