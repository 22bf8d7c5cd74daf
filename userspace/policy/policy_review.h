/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_review.h: what is wrong with a secret's rules taken together, each of which is good alone. By the text of the
 * policy only; what a host has to do with it is for others.
 */
#pragma once

struct error;
struct policy_secret;
struct policy_set;

/*
 * -EINVAL with *error set for rules that contradict each other, -ENOMEM. Adds warnings to the set for rules that do
 * nothing and for what is probably not meant.
 */
int policy_review(struct policy_set *set, const struct policy_secret *secret, struct error *error);
