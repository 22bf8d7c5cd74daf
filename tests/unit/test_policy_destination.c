/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "policy/policy.h"
#include "policy/policy_destination.h"

struct good {
	const char *name;
	const char *value;
	struct policy_destination expected;
};

static const struct good goods[] = {
	{"reads_an_ipv4_address", "10.0.0.5", {AF_INET, 32, 0, {10, 0, 0, 5}}},
	{"reads_an_ipv4_address_with_a_port", "10.0.0.5:5432", {AF_INET, 32, 5432, {10, 0, 0, 5}}},
	{"reads_the_last_port", "10.0.0.5:65535", {AF_INET, 32, 65535, {10, 0, 0, 5}}},
	{"reads_an_ipv4_block", "10.0.0.0/8", {AF_INET, 8, 0, {10}}},
	{"reads_an_ipv4_block_with_a_port", "192.168.4.0/22:443", {AF_INET, 22, 443, {192, 168, 4}}},
	{"reads_a_block_of_one_address", "10.0.0.5/32", {AF_INET, 32, 0, {10, 0, 0, 5}}},
	{"reads_all_of_ipv4", "0.0.0.0/0:53", {AF_INET, 0, 53, {0}}},
	{"reads_an_ipv6_address", "fd00::1", {AF_INET6, 128, 0, {0xfd, [15] = 1}}},
	{"reads_an_ipv6_address_with_a_port", "[fd00::1]:443", {AF_INET6, 128, 443, {0xfd, [15] = 1}}},
	{"reads_an_ipv6_block", "fd00::/8", {AF_INET6, 8, 0, {0xfd}}},
	{"reads_an_ipv6_block_with_a_port", "[2001:DB8::/33]:1", {AF_INET6, 33, 1, {0x20, 0x01, 0x0d, 0xb8}}},
	{"reads_the_ipv6_loopback", "::1", {AF_INET6, 128, 0, {[15] = 1}}},
	{"reads_all_of_ipv6", "::/0", {AF_INET6, 0, 0, {0}}},
};

static void reads_a_good_one(void **state)
{
	const struct good *good = *state;
	struct policy_destination got = {.prefix = 99};
	char why[POLICY_WHY_SIZE] = "";

	if (policy_destination_parse(good->value, &got, why) < 0)
		fail_msg("%s: %s", good->value, why);
	assert_int_equal(got.family, good->expected.family);
	assert_int_equal(got.prefix, good->expected.prefix);
	assert_int_equal(got.port, good->expected.port);
	assert_memory_equal(got.address, good->expected.address, sizeof(got.address));
}

struct bad {
	const char *name;
	const char *value;
	const char *advice;
};

static const struct bad bads[] = {
	{"refuses_a_name", "db.example.com", "names are not looked up"},
	{"refuses_a_name_with_a_port", "localhost:80", "names are not looked up"},
	{"refuses_a_url", "https://10.0.0.5", "names are not looked up"},
	{"refuses_a_long_name", "a.very.long.name.that.is.longer.than.any.address.can.be.example.com", "not looked up"},
	{"refuses_a_wildcard", "10.0.0.*", "write a block as \"10.0.0.0/8\""},
	{"refuses_a_short_address", "10.0.5", "not an IP address"},
	{"refuses_a_number_above_255", "10.0.0.256", "not an IP address"},
	{"refuses_leading_zeros", "10.0.0.05", "without leading zeros"},
	{"refuses_a_blank", " 10.0.0.5", "write an IP address"},
	{"refuses_port_0", "10.0.0.5:0", "from 1 to 65535"},
	{"refuses_port_65536", "10.0.0.5:65536", "from 1 to 65535"},
	{"refuses_a_port_of_20_digits", "10.0.0.5:10000000000000000443", "from 1 to 65535"},
	{"refuses_a_port_with_a_leading_zero", "10.0.0.5:080", "from 1 to 65535"},
	{"refuses_a_port_by_name", "10.0.0.5:https", "from 1 to 65535"},
	{"refuses_a_negative_port", "10.0.0.5:-1", "from 1 to 65535"},
	{"refuses_no_port_after_the_colon", "10.0.0.5:", "drop the \":\""},
	{"refuses_prefix_33", "10.0.0.0/33", "from 0 to 32"},
	{"refuses_prefix_129", "fd00::/129", "from 0 to 128"},
	{"refuses_no_prefix_after_the_slash", "10.0.0.0/", "from 0 to 32"},
	{"refuses_a_netmask", "10.0.0.0/255.0.0.0", "from 0 to 32"},
	{"refuses_a_port_before_the_prefix", "10.0.0.0:443/8", "from 1 to 65535"},
	{"refuses_bits_behind_the_prefix", "10.1.2.3/8", "write 10.0.0.0/8 for the block"},
	{"refuses_bits_behind_an_odd_prefix", "192.168.5.0/22:1", "write 192.168.4.0/22"},
	{"refuses_bits_behind_an_ipv6_prefix", "fd00::1/64", "write fd00::/64"},
	{"refuses_an_ipv4_address_as_ipv6", "::ffff:10.0.0.5", "write 10.0.0.5"},
	{"refuses_a_zone", "fe80::1%eth0", "write it without"},
	{"refuses_brackets_without_a_port", "[fd00::1]", "brackets are for an address with a port"},
	{"refuses_an_open_bracket", "[fd00::1:443", "has no \"]\""},
	{"refuses_brackets_around_ipv4", "[10.0.0.5]:443", "write \"10.0.0.5:5432\""},
	{"refuses_no_port_after_brackets", "[fd00::1]:", "from 1 to 65535"},
	{"refuses_empty_brackets", "[]:443", "brackets are for IPv6"},
	{"refuses_an_ipv6_address_that_is_too_long", "1:2:3:4:5:6:7:8:9", "not an IP address"},
};

static void refuses_a_bad_one(void **state)
{
	const struct bad *bad = *state;
	struct policy_destination got = {.prefix = 99};
	char why[POLICY_WHY_SIZE] = "";

	assert_int_equal(policy_destination_parse(bad->value, &got, why), -EINVAL);
	if (!strstr(why, bad->advice))
		fail_msg("%s: '%s' does not say '%s'", bad->value, why, bad->advice);
	assert_int_equal(got.prefix, 99);
}

static bool covers(const char *whole, const char *part)
{
	struct policy_destination a, b;
	char why[POLICY_WHY_SIZE];

	assert_int_equal(policy_destination_parse(whole, &a, why), 0);
	assert_int_equal(policy_destination_parse(part, &b, why), 0);
	return policy_destination_covers(&a, &b);
}

static void a_block_covers_what_is_in_it(void **state)
{
	(void)state;
	assert_true(covers("10.0.0.0/8", "10.1.2.3"));
	assert_true(covers("10.0.0.0/8", "10.1.0.0/16:443"));
	assert_true(covers("10.0.0.5", "10.0.0.5:1"));
	assert_true(covers("0.0.0.0/0", "10.0.0.5"));
	assert_true(covers("fd00::/8", "[fd12::1]:443"));
	assert_false(covers("10.0.0.0/8:443", "10.0.0.5"));
	assert_false(covers("10.0.0.0/8:443", "10.0.0.5:80"));
	assert_false(covers("10.0.0.0/8", "11.0.0.1"));
	assert_false(covers("10.0.0.0/16", "10.0.0.0/8"));
	assert_false(covers("::/0", "10.0.0.5"));
}

int main(void)
{
	enum { GOODS = sizeof(goods) / sizeof(*goods), BADS = sizeof(bads) / sizeof(*bads) };
	struct CMUnitTest tests[GOODS + BADS + 1];

	for (size_t i = 0; i < GOODS; i++)
		tests[i] = (struct CMUnitTest){
			.name = goods[i].name, .test_func = reads_a_good_one, .initial_state = (void *)&goods[i]};
	for (size_t i = 0; i < BADS; i++)
		tests[GOODS + i] = (struct CMUnitTest){
			.name = bads[i].name, .test_func = refuses_a_bad_one, .initial_state = (void *)&bads[i]};
	tests[GOODS + BADS] = (struct CMUnitTest)cmocka_unit_test(a_block_covers_what_is_in_it);
	return cmocka_run_group_tests_name("policy_destination", tests, NULL, NULL);
}
