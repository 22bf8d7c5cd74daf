/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy_destination.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

#define DIGITS       "0123456789"
#define IPV4_BITS    32
#define IPV6_BITS    128
#define PORT_MAX     65535
#define ADDRESS_SIZE 64 /* of an address with its prefix, as text */

static __attribute__((format(printf, 2, 3))) int refuse(char why[POLICY_WHY_SIZE], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(why, POLICY_WHY_SIZE, format, arguments); /* a cut sentence is fine */
	va_end(arguments);
	return -EINVAL;
}

/* Decimal, no sign, no leading zero, at most `max`. */
static bool parse_number(const char *text, unsigned long max, unsigned long *ret)
{
	size_t digits = strspn(text, DIGITS);

	if (digits == 0 || digits > 5 || text[digits] || (digits > 1 && text[0] == '0') ||
	    strtoul(text, NULL, 10) > max)
		return false;
	*ret = strtoul(text, NULL, 10);
	return true;
}

static int parse_port(const char *text, uint16_t *ret_port, char why[POLICY_WHY_SIZE])
{
	unsigned long port;

	if (!parse_number(text, PORT_MAX, &port) || port == 0)
		return refuse(why, "a port is a number from 1 to %d; drop the \":\" to mean any port", PORT_MAX);
	*ret_port = (uint16_t)port;
	return 0;
}

/* Cuts `text` into address and port: at the colon behind the brackets, or the only one. */
static int split_port(char *text, char **ret_address, char **ret_port, char why[POLICY_WHY_SIZE])
{
	char *colon = strchr(text, ':'), *end;

	*ret_address = text;
	*ret_port = NULL;
	if (text[0] == '[') {
		end = strchr(text, ']');
		if (!end)
			return refuse(why, "the bracket \"[\" has no \"]\"; write \"[fd00::1]:443\"");
		if (end[1] != ':')
			return refuse(why, "brackets are for an address with a port; write \"[fd00::1]:443\", or the "
					   "address without brackets");
		*end = '\0';
		*ret_address = text + 1;
		*ret_port = end + 2;
		if (!strchr(*ret_address, ':'))
			return refuse(why, "brackets are for IPv6; write \"10.0.0.5:5432\"");
	} else if (colon && !strchr(colon + 1, ':')) {
		*colon = '\0';
		*ret_port = colon + 1;
	}
	return 0;
}

static int refuse_address(const char *address, char why[POLICY_WHY_SIZE])
{
	if (strchr(address, '%'))
		return refuse(why, "an address with a zone (\"%%\"); write it without, it holds on every interface");
	if (strpbrk(address, "*?["))
		return refuse(why, "no wildcards here; write a block as \"10.0.0.0/8\"");
	if (!strchr(address, ':') && address[strspn(address, DIGITS ".")])
		return refuse(why, "names are not looked up; write an IP address, as \"10.0.0.5:5432\"");
	return refuse(why, "not an IP address; write one as \"10.0.0.5\" or \"fd00::1\", without leading zeros");
}

/* The address alone, and how many bits one of its family has. */
static int parse_address(const char *address, struct policy_destination *destination, unsigned int *ret_bits,
			 char why[POLICY_WHY_SIZE])
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, address, &four) == 1) {
		destination->family = AF_INET;
		memcpy(destination->address, &four, sizeof(four));
		*ret_bits = IPV4_BITS;
		return 0;
	}
	if (inet_pton(AF_INET6, address, &six) != 1)
		return refuse_address(address, why);
	if (IN6_IS_ADDR_V4MAPPED(&six)) {
		char text[INET_ADDRSTRLEN];

		(void)inet_ntop(AF_INET, six.s6_addr + 12, text, sizeof(text)); /* fits */
		return refuse(why, "an IPv4 address written as IPv6; write %s", text);
	}
	destination->family = AF_INET6;
	memcpy(destination->address, &six, sizeof(six));
	*ret_bits = IPV6_BITS;
	return 0;
}

static void clear_host_bits(struct policy_destination *destination)
{
	for (unsigned int bit = destination->prefix; bit < IPV6_BITS; bit++)
		destination->address[bit / 8] &= (uint8_t) ~(0x80U >> bit % 8);
}

static int check_host_bits(const struct policy_destination *destination, char why[POLICY_WHY_SIZE])
{
	struct policy_destination block = *destination;
	char text[INET6_ADDRSTRLEN];

	clear_host_bits(&block);
	if (memcmp(block.address, destination->address, sizeof(block.address)) == 0)
		return 0;
	(void)inet_ntop(block.family, block.address, text, sizeof(text)); /* fits */
	return refuse(why,
		      "bits of the address are set behind the prefix; write %s/%u for the block, or the address "
		      "without a prefix",
		      text, (unsigned int)block.prefix);
}

int policy_destination_parse(const char *value, struct policy_destination *ret, char why[POLICY_WHY_SIZE])
{
	struct policy_destination destination = {.family = AF_UNSPEC};
	char text[ADDRESS_SIZE], *address, *port, *slash;
	unsigned int bits = 0;
	unsigned long prefix;
	int r;

	if (strlen(value) >= sizeof(text))
		return refuse(why, "longer than any IP address; names are not looked up");
	(void)snprintf(text, sizeof(text), "%s", value); /* measured just now */
	r = split_port(text, &address, &port, why);
	if (r < 0)
		return r;
	slash = strchr(address, '/');
	if (slash)
		*slash = '\0';
	r = parse_address(address, &destination, &bits, why);
	if (r >= 0 && port)
		r = parse_port(port, &destination.port, why);
	if (r < 0)
		return r;
	prefix = bits;
	if (slash && !parse_number(slash + 1, bits, &prefix))
		return refuse(why,
			      "the number behind \"/\" is from 0 to %u here; a port comes behind it, as "
			      "\"10.0.0.0/8:443\" or \"[fd00::/8]:443\"",
			      bits);
	destination.prefix = (uint8_t)prefix;
	r = check_host_bits(&destination, why);
	if (r < 0)
		return r;
	*ret = destination;
	return 0;
}

const char *policy_destination_format(const struct policy_destination *destination, char out[POLICY_DESTINATION_SIZE])
{
	char address[INET6_ADDRSTRLEN] = "", prefix[8] = "", port[8] = "";
	bool is_v6 = destination->family == AF_INET6;
	bool is_bracketed = is_v6 && destination->port;

	(void)inet_ntop(destination->family, destination->address, address, sizeof(address)); /* fits, as all here */
	if (destination->prefix != (is_v6 ? 128 : 32))
		(void)snprintf(prefix, sizeof(prefix), "/%u", destination->prefix);
	if (destination->port)
		(void)snprintf(port, sizeof(port), ":%u", destination->port);
	(void)snprintf(out, POLICY_DESTINATION_SIZE, "%s%s%s%s%s", is_bracketed ? "[" : "", address, prefix,
		       is_bracketed ? "]" : "", port);
	return out;
}

bool policy_destination_covers(const struct policy_destination *whole, const struct policy_destination *part)
{
	struct policy_destination block = *part;

	if (whole->family != part->family || whole->prefix > part->prefix || (whole->port && whole->port != part->port))
		return false;
	block.prefix = whole->prefix;
	clear_host_bits(&block);
	return memcmp(block.address, whole->address, sizeof(block.address)) == 0;
}
