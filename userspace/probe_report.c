/* SPDX-License-Identifier: Apache-2.0 */
#include "probe_report.h"

#include <errno.h>

#include "base/access.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "choice.h"
#include "sensor/kernel_support.h"
#include "sensor/sensor_programs.h"

#define REPORT_MAX 65536

struct feature {
	const char *name;
	const char *text; /* what it is for */
	bool has;
};

#define FEATURES_COUNT 5

static void features_of(const struct kernel_support *support, struct feature features[FEATURES_COUNT])
{
	features[0] = (struct feature){"btf", "type information of the kernel", support->has_btf};
	features[1] = (struct feature){"privilege", "loading BPF programs", support->has_privilege};
	features[2] = (struct feature){"rdonly_cast", "fast reads of opened files (6.2)", support->has_rdonly_cast};
	features[3] = (struct feature){"task_from_vpid", "naming targets in other pid namespaces (6.13)",
				       support->has_task_from_vpid};
	features[4] = (struct feature){"preempt_disable", "no missed program on preemptible kernels (6.15)",
				       support->has_preempt_disable};
}

/* What a host lacks for a better tier than it has. */
static const char *const tier_advice[TIER_COUNT] = {
	[TIER_LSM] = "needs CONFIG_BPF_LSM=y and 'bpf' in lsm= on the kernel's command line: add it to the list in "
		     "/sys/kernel/security/lsm, for example lsm=landlock,lockdown,yama,integrity,apparmor,bpf",
	[TIER_FANOTIFY] = "needs CAP_SYS_ADMIN, CONFIG_FANOTIFY=y and CONFIG_FANOTIFY_ACCESS_PERMISSIONS=y",
	[TIER_KILL] = "needs the privilege to load BPF programs",
};

static const char *const tier_texts[TIER_COUNT] = {
	[TIER_LSM] = "the kernel refuses by itself; outlives the daemon",
	[TIER_FANOTIFY] = "the kernel asks the daemon; ends with the daemon",
	[TIER_KILL] = "the process is killed once it has opened the file; only for 'action: kill'",
	[TIER_OBSERVE] = "nothing is stopped",
};

static void write_tiers(FILE *stream, const struct tier_probe *tiers)
{
	for (int i = TIER_COUNT - 1; i >= 0; i--) {
		const struct tier_support *tier = &tiers->tiers[i];

		(void)fprintf(stream, "%-8s tier %-11s %s\n", tier->works ? "yes" : "no", tier_name((enum tier)i),
			      tier->works ? tier_texts[i] : tier->reason);
		if (!tier->works && tier_advice[i])
			(void)fprintf(stream, "%-25s%s\n", "", tier_advice[i]);
	}
}

static void write_text(FILE *stream, const struct choice *choice, int result, const struct error *error)
{
	const struct kernel_support *support = &choice->support;
	struct feature features[FEATURES_COUNT];
	const char *limits[TIER_LIMITS_MAX];
	size_t limits_count;

	features_of(support, features);
	(void)fprintf(stream, "kernel   %s\n", support->release);
	for (size_t i = 0; i < FEATURES_COUNT; i++)
		(void)fprintf(stream, "%-8s %-16s %s\n", features[i].has ? "yes" : "no", features[i].name,
			      features[i].text);
	for (int i = 0; i < SENSOR_BACKEND_COUNT && support->has_privilege; i++)
		(void)fprintf(stream, "%-8s backend %-8s %s\n", support->backends[i].works ? "yes" : "no",
			      sensor_backend_name((enum sensor_backend)i), support->backends[i].reason);
	if (result < 0) {
		(void)fprintf(stream, "chosen   none: %s\n", error->text);
		return;
	}
	write_tiers(stream, &choice->tiers);
	(void)fprintf(stream, "chosen   backend=%s tier=%s\n", sensor_backend_name(choice->backend),
		      tier_name(choice->tier));
	limits_count = tier_limits(choice->tier, &choice->tiers, limits);
	for (size_t i = 0; i < limits_count; i++)
		(void)fprintf(stream, "passes   %s\n", limits[i]);
	for (const char *const *limit = sensor_backend_limits(choice->backend); *limit; limit++)
		(void)fprintf(stream, "unseen   %s\n", *limit);
}

static void write_json(FILE *stream, const struct choice *choice, int result, const struct error *error)
{
	const struct kernel_support *support = &choice->support;
	_cleanup_(buffer_release) struct buffer buffer = BUFFER_INIT(REPORT_MAX);
	struct feature features[FEATURES_COUNT];
	const char *limits[TIER_LIMITS_MAX];
	size_t limits_count = tier_limits(choice->tier, &choice->tiers, limits);
	struct json_writer w;

	features_of(support, features);
	json_writer_init(&w, &buffer);
	json_object_begin(&w, NULL);
	json_string(&w, "kernel", support->release);
	json_object_begin(&w, "features");
	for (size_t i = 0; i < FEATURES_COUNT; i++)
		json_bool(&w, features[i].name, features[i].has);
	json_object_end(&w);
	json_object_begin(&w, "backends");
	for (int i = 0; i < SENSOR_BACKEND_COUNT; i++) {
		json_object_begin(&w, sensor_backend_name((enum sensor_backend)i));
		json_bool(&w, "works", support->backends[i].works);
		json_string(&w, "reason", support->backends[i].reason[0] ? support->backends[i].reason : NULL);
		json_object_end(&w);
	}
	json_object_end(&w);
	json_object_begin(&w, "tiers");
	for (int i = TIER_COUNT - 1; i >= 0; i--) {
		json_object_begin(&w, tier_name((enum tier)i));
		json_bool(&w, "works", choice->tiers.tiers[i].works);
		json_string(&w, "reason", choice->tiers.tiers[i].reason[0] ? choice->tiers.tiers[i].reason : NULL);
		json_object_end(&w);
	}
	json_object_end(&w);
	json_string(&w, "backend", result < 0 ? NULL : sensor_backend_name(choice->backend));
	json_string(&w, "tier", result < 0 ? NULL : tier_name(choice->tier));
	json_array_begin(&w, "not_stopped");
	for (size_t i = 0; i < limits_count && result == 0; i++)
		json_string(&w, NULL, limits[i]);
	json_array_end(&w);
	json_array_begin(&w, "blind_spots");
	for (const char *const *limit = sensor_backend_limits(choice->backend); result == 0 && *limit; limit++)
		json_string(&w, NULL, *limit);
	json_array_end(&w);
	json_string(&w, "error", result < 0 ? error->text : NULL);
	json_object_end(&w);
	(void)fprintf(stream, "%s\n", buffer.data ? buffer.data : "");
}

int probe_report_write(FILE *stream, bool as_json)
{
	struct error error = {0};
	struct choice choice;
	int r = choice_make(CONFIG_BACKEND_AUTO, CONFIG_TIER_AUTO, &choice, &error);

	(as_json ? write_json : write_text)(stream, &choice, r, &error);
	return fflush(stream) == 0 ? r : -errno;
}
