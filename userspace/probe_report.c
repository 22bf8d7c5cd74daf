/* SPDX-License-Identifier: Apache-2.0 */
#include "probe_report.h"

#include <errno.h>

#include "base/access.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json_writer.h"
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

static void write_text(FILE *stream, const struct kernel_support *support, int result, enum sensor_backend best,
		       const struct error *error)
{
	struct feature features[FEATURES_COUNT];

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
	(void)fprintf(stream, "chosen   backend=%s tier=%s\n", sensor_backend_name(best), tier_name(TIER_OBSERVE));
	for (const char *const *limit = sensor_backend_limits(best); *limit; limit++)
		(void)fprintf(stream, "unseen   %s\n", *limit);
}

static void write_json(FILE *stream, const struct kernel_support *support, int result, enum sensor_backend best,
		       const struct error *error)
{
	_cleanup_(buffer_release) struct buffer buffer = BUFFER_INIT(REPORT_MAX);
	struct feature features[FEATURES_COUNT];
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
	json_string(&w, "backend", result < 0 ? NULL : sensor_backend_name(best));
	json_string(&w, "tier", result < 0 ? NULL : tier_name(TIER_OBSERVE));
	json_array_begin(&w, "blind_spots");
	for (const char *const *limit = sensor_backend_limits(best); result == 0 && *limit; limit++)
		json_string(&w, NULL, *limit);
	json_array_end(&w);
	json_string(&w, "error", result < 0 ? error->text : NULL);
	json_object_end(&w);
	(void)fprintf(stream, "%s\n", buffer.data ? buffer.data : "");
}

int probe_report_write(FILE *stream, bool as_json)
{
	enum sensor_backend best = SENSOR_BACKEND_TRACEPOINT;
	struct kernel_support support;
	struct error error = {0};
	int r = kernel_support_probe(&support, &error);

	if (r == 0)
		r = kernel_support_best(&support, &best);
	if (r < 0 && !error.text[0])
		(void)error_set(&error, r, NULL, 0, "%s", support.backends[SENSOR_BACKEND_TRACEPOINT].reason);
	(as_json ? write_json : write_text)(stream, &support, r, best, &error);
	return fflush(stream) == 0 ? r : -errno;
}
