/* SPDX-License-Identifier: Apache-2.0 */
/* version.h: the one place that says which version this is; sagentd, sagent and every event's producer read it here. */
#pragma once

#define SAGENT_VERSION "0.1.0"
