/* SPDX-License-Identifier: Apache-2.0 */
/* sagent.c: the program of that name; all it does is in sagent_command.h. */
#include <locale.h>

#include "cli/sagent_command.h"

int main(int argc, char *argv[])
{
	/* For the widths of characters only: numbers and messages stay as they are. */
	(void)setlocale(LC_CTYPE, "");
	return sagent_run(argc, argv, stdout, stderr);
}
