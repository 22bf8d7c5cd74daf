/* SPDX-License-Identifier: Apache-2.0 */
/* Writes docs/configuration.md to standard output (`make docs`). */
#include "config.h"

int main(void)
{
	return config_write_documentation(stdout) < 0 ? 1 : 0;
}
