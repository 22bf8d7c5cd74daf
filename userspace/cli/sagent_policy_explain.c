/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sagent_command.h"
int sagent_policy_explain(struct sagent *sagent)
{
	(void)sagent;
	return SAGENT_FAILED;
}
