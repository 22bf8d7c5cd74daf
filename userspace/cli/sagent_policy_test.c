/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/grid.h"
#include "cli/sagent_command.h"
#include "cli/sagent_output.h"
#include "cli/sagent_policy.h"
#include "policy/policy.h"
#include "rollout/past.h"
#include "rollout/replay.h"

#define DEADLINE_MS 300000
#define NAMES_MAX   10 /* of secrets without an access, as text */
#define CELL_SIZE   512

struct report {
	struct sagent *sagent;
	const struct policy_set *set;
	const struct replay *replay;
	struct replay_sums sums;
	struct past_range range;
	size_t shown; /* groups */
};

/* ---------------------------------------------------------------- text */

static const struct grid_column columns[] = {
	{.title = "CHANGE"},
	{.title = "COUNT", .is_number = true},
	{.title = "SECRET", .shrinks = true},
	{.title = "KIND"},
	{.title = "EXE", .is_path = true, .shrinks = true},
	{.title = "WHO", .shrinks = true},
	{.title = "RULE", .shrinks = true},
	{.title = "FIRST"},
	{.title = "LAST"},
	{.title = "NOTE"},
};

static const char *time_cell(uint64_t real_ns, char out[SAGENT_TIME_SIZE])
{
	char text[CLOCK_RFC3339_SIZE];

	return sagent_local_time(clock_format_rfc3339(real_ns, text), out);
}

static const char *who_cell(const struct replay_group *group, char out[CELL_SIZE])
{
	const char *where = group->container ? group->container : group->unit;

	if (group->user)
		(void)snprintf(out, CELL_SIZE, "%s%s%s%s", group->user, where ? " " : "",
			       group->container ? "container " : "", where ? where : "");
	else
		(void)snprintf(out, CELL_SIZE, "uid %u%s%s%s", group->uid, where ? " " : "",
			       group->container ? "container " : "", where ? where : "");
	return out;
}

static const char *note_cell(const struct replay_group *group, char out[CELL_SIZE])
{
	if (group->is_refused)
		return "refused by the system anyway";
	if (!group->unknown)
		return "";
	(void)snprintf(out, CELL_SIZE, "uncertain: %s not known", group->unknown);
	return out;
}

static int add_row(struct grid *grid, const struct replay_group *group)
{
	char change[CELL_SIZE], who[CELL_SIZE], note[CELL_SIZE], rule[CELL_SIZE];
	char first[SAGENT_TIME_SIZE], last[SAGENT_TIME_SIZE];
	const char *secret = group->new_secret ? group->new_secret : group->secret;

	(void)snprintf(change, sizeof(change), "%s -> %s", replay_verdict_name(group->before),
		       replay_verdict_name(group->after));
	(void)snprintf(rule, sizeof(rule), "%s -> %s", group->rule_before,
		       group->rule_after[0] ? group->rule_after : "none");
	return grid_cell(grid, change) < 0 || grid_cell_number(grid, group->count) < 0 || grid_cell(grid, secret) < 0 ||
			       grid_cell(grid, access_kind_name(group->kind)) < 0 || grid_cell(grid, group->exe) < 0 ||
			       grid_cell(grid, who_cell(group, who)) < 0 || grid_cell(grid, rule) < 0 ||
			       grid_cell(grid, time_cell(group->first_real_ns, first)) < 0 ||
			       grid_cell(grid, time_cell(group->last_real_ns, last)) < 0 ||
			       grid_cell(grid, note_cell(group, note)) < 0
		       ? -ENOMEM
		       : 0;
}

static void append_rows(const struct report *report, struct buffer *out)
{
	size_t width, height, total = replay_group_count(report->replay);
	struct grid *grid;

	if (total == 0)
		return;
	if (grid_new(columns, sizeof(columns) / sizeof(columns[0]), &grid) < 0) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < report->shown; i++)
		if (add_row(grid, replay_group(report->replay, i)) < 0)
			out->failed = true;
	sagent_screen_size(report->sagent, &width, &height);
	grid_write(grid, width, report->shown, out);
	grid_free(grid);
	if (report->shown < total)
		buffer_printf(out, "and %zu more rows\n", total - report->shown);
}

static void append_unseen(const struct report *report, struct buffer *out)
{
	size_t count = 0, total = policy_set_secret_count(report->set);

	buffer_append_string(out, "What was not watched at that time is not in the history: nothing is known of it.\n");
	for (size_t i = 0; i < total; i++) {
		if (replay_has_seen(report->replay, i))
			continue;
		if (count < NAMES_MAX)
			buffer_printf(out, "%s%s", count ? ", " : "Without any stored access: ",
				      policy_set_secret(report->set, i)->name);
		count++;
	}
	if (count > NAMES_MAX)
		buffer_printf(out, " and %zu more", count - NAMES_MAX);
	if (count > 0)
		buffer_append_char(out, '\n');
}

static void append_sums(const struct report *report, struct buffer *out)
{
	const struct replay_sums *sums = &report->sums;
	char first[SAGENT_TIME_SIZE], last[SAGENT_TIME_SIZE];

	if (sums->rows == 0) {
		buffer_append_string(out, "No access is stored of that time.\n");
		return;
	}
	buffer_printf(out, "%llu accesses, %s to %s: %llu change, %llu newly denied\n",
		      (unsigned long long)sums->accesses, time_cell(sums->first_real_ns, first),
		      time_cell(sums->last_real_ns, last), (unsigned long long)sums->changed,
		      (unsigned long long)sums->newly_denied);
	if (sums->unwatched > 0)
		buffer_printf(out, "%llu were of files that no secret of this policy names any more.\n",
			      (unsigned long long)sums->unwatched);
	if (sums->uncertain > 0)
		buffer_printf(out, "%llu are uncertain: a rule asks for what the history does not hold of them.\n",
			      (unsigned long long)sums->uncertain);
	if (sums->ungrouped > 0)
		buffer_printf(out, "%llu of the changes are in no row: there are more than %d different ones.\n",
			      (unsigned long long)sums->ungrouped, REPLAY_GROUPS_MAX);
}

static int print_text(const struct report *report)
{
	struct buffer text = BUFFER_INIT(SAGENT_SCREEN_MAX);
	int r;

	append_rows(report, &text);
	append_sums(report, &text);
	append_unseen(report, &text);
	r = sagent_print(report->sagent, &text);
	buffer_release(&text);
	return r;
}

/* ---------------------------------------------------------------- JSON */

static struct json_object *verdict_to_json(enum replay_verdict verdict, const char *rule)
{
	struct json_object *object = json_object_new_object();

	sagent_add_string(object, "verdict", replay_verdict_name(verdict));
	sagent_add_string(object, "rule", rule[0] ? rule : NULL);
	return object;
}

static struct json_object *group_to_json(const struct replay_group *group)
{
	struct json_object *object = json_object_new_object();

	sagent_add_string(object, "secret", group->secret);
	sagent_add_string(object, "candidate_secret", group->new_secret);
	sagent_add_string(object, "kind", access_kind_name(group->kind));
	sagent_add_string(object, "exe", group->exe);
	json_object_object_add(object, "uid", json_object_new_uint64(group->uid));
	sagent_add_string(object, "user", group->user);
	sagent_add_string(object, "unit", group->unit);
	sagent_add_string(object, "container", group->container);
	json_object_object_add(object, "before", verdict_to_json(group->before, group->rule_before));
	json_object_object_add(object, "after", verdict_to_json(group->after, group->rule_after));
	json_object_object_add(object, "newly_denied", json_object_new_boolean(group->is_newly_denied));
	json_object_object_add(object, "refused_anyway", json_object_new_boolean(group->is_refused));
	sagent_add_string(object, "unknown", group->unknown);
	json_object_object_add(object, "accesses", json_object_new_uint64(group->count));
	sagent_add_time(object, "first", group->first_real_ns);
	sagent_add_time(object, "last", group->last_real_ns);
	return object;
}

static void add_sums(struct json_object *object, const struct report *report)
{
	const struct replay_sums *sums = &report->sums;
	const struct {
		const char *key;
		uint64_t value;
	} numbers[] = {
		{"events", sums->rows},         {"accesses", sums->accesses},
		{"changed", sums->changed},     {"newly_denied", sums->newly_denied},
		{"unwatched", sums->unwatched}, {"uncertain", sums->uncertain},
		{"ungrouped", sums->ungrouped},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_object_add(object, numbers[i].key, json_object_new_uint64(numbers[i].value));
	sagent_add_time(object, "since", report->range.since_real_ns);
	sagent_add_time(object, "until", report->range.until_real_ns);
	sagent_add_time(object, "first", sums->first_real_ns);
	sagent_add_time(object, "last", sums->last_real_ns);
}

static int print_json(const struct report *report)
{
	struct json_object *object = json_object_new_object(), *rows = json_object_new_array(),
			   *unseen = json_object_new_array();
	int r;

	json_object_object_add(object, "ok", json_object_new_boolean(report->sums.newly_denied == 0));
	add_sums(object, report);
	for (size_t i = 0; i < report->shown; i++)
		(void)json_object_array_add(rows, group_to_json(replay_group(report->replay, i)));
	json_object_object_add(object, "rows", rows);
	json_object_object_add(object, "more_rows",
			       json_object_new_uint64(replay_group_count(report->replay) - report->shown));
	for (size_t i = 0; i < policy_set_secret_count(report->set); i++)
		if (!replay_has_seen(report->replay, i))
			(void)json_object_array_add(unseen,
						    json_object_new_string(policy_set_secret(report->set, i)->name));
	json_object_object_add(object, "unseen_secrets", unseen);
	r = sagent_print_json(report->sagent, object);
	json_object_put(object);
	return r;
}

/* ---------------------------------------------------------------- the command */

int sagent_policy_test(struct sagent *sagent)
{
	const struct sagent_options *options = &sagent->options;
	_cleanup_(policy_set_freep) struct policy_set *set = NULL;
	_cleanup_(replay_freep) struct replay *replay = NULL;
	struct report report = {.sagent = sagent,
				.range = past_range_of(options->state_dir, options->since_s, DEADLINE_MS)};
	struct error error = {0};
	int r;

	r = sagent_load_policies(sagent, (const char *const *)options->operands, options->operands_count, &set);
	if (r != SAGENT_OK)
		return r;
	if (replay_run(set, &report.range, SAGENT_PASSWD_PATH, &replay, &error) < 0)
		return sagent_report(sagent, -EREMOTEIO, &error);
	report.set = set;
	report.replay = replay;
	report.sums = replay_sums(replay);
	report.shown = replay_group_count(replay);
	if ((options->given & SAGENT_OPTION_LIMIT) && options->limit < report.shown)
		report.shown = options->limit;
	r = options->given & SAGENT_OPTION_JSON ? print_json(&report) : print_text(&report);
	if (r == SAGENT_OK && report.sums.newly_denied > 0)
		return SAGENT_DENIES;
	return r;
}
