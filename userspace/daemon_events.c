/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "daemon_state.h"
#include "export/output.h"
#include "sensor/watchlist.h"
#include "store/store.h"

void daemon_publish(void *context, const struct bus_event *event)
{
	struct daemon *daemon = context;
	const struct event_source source = {.host = daemon->host, .program = "sagentd"};
	bool is_watched = daemon->control && control_is_watched(daemon->control);
	bool needs_line = is_watched || (daemon->output && output_needs_lines(daemon->output));

	if (needs_line) {
		buffer_reset(&daemon->line);
		event_write(&daemon->line, &source, event);
		if (daemon->line.failed) {
			log_error(0, "an event could not be written as JSON: no memory");
			return;
		}
	}
	if (daemon->output)
		output_event(daemon->output, event, needs_line ? daemon->line.data : NULL,
			     needs_line ? daemon->line.size : 0);
	if (is_watched)
		control_broadcast(daemon->control, daemon->line.data, daemon->line.size);
	if (event->type == EVENT_ACCESS && daemon->store)
		(void)store_append(daemon->store,
				   event->access); /* a refusal is counted there, and published by the next tick */
}

void daemon_publish_loss(struct daemon *daemon, enum loss_place place, uint64_t count, uint64_t total)
{
	struct event_loss loss = {.place = place, .count = count, .total = total};
	struct bus_event event = {.type = EVENT_LOSS, .loss = &loss};

	daemon_publish(daemon, &event);
}

static void check_store(struct daemon *daemon)
{
	struct store_stats stats;
	uint64_t lost;

	if (!daemon->store)
		return;
	store_get_stats(daemon->store, &stats);
	lost = stats.refused + stats.unwritable;
	if (lost > daemon->store_lost) {
		daemon_publish_loss(daemon, LOSS_STORE, lost - daemon->store_lost, lost);
		daemon->store_lost = lost;
	}
}

/* What the watch list had to leave out. Its numbers are those of the present view, so only a new high is news. */
static void check_watchlist(struct daemon *daemon)
{
	struct watchlist_stats stats;
	uint64_t unfollowed;

	watchlist_statistics(daemon->watchlist, &stats);
	unfollowed = stats.scan.refused_files + stats.scan.refused_directories + stats.scan.refused_links +
		     stats.scan.unreadable + stats.scan.unwatched + stats.scan.unidentified + stats.sink_failures;
	if (unfollowed <= daemon->unfollowed)
		return;
	daemon_publish_loss(daemon, LOSS_WATCHLIST, unfollowed - daemon->unfollowed, unfollowed);
	daemon->unfollowed = unfollowed;
}

void daemon_check_losses(struct daemon *daemon)
{
	check_store(daemon);
	check_watchlist(daemon);
}
