/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/utf8.h"
#include "export/cell.h"
#include "export/layout.h"
#include "export/output.h"
#include "export/summary.h"
#include "export/table_row.h"

#define SCREEN_SIZE (256 * 1024)

static const char *const nasty[] = {
	"",
	"/usr/bin/cat",
	"line\nfeed\r\t\033[2J\033]0;title\007\177",
	"\xff\xfe\x80\xc0\xaf\xed\xa0\x80\xf5\xe2\x82",
	"\302\23331m \342\200\256\xe2\x80\x8b\xef\xbb\xbf",
	"e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81",
	"\xcc\x81",
	"/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e/\xf0\x9f\x94\x91\xf0\x9f\x94\x91\xf0\x9f\x94\x91",
	"//////",
	"/a/very/long/path/that/goes/on/and/on/through/many/directories/until/it/ends/in/a/name",
};
#define NASTY_COUNT (sizeof(nasty) / sizeof(nasty[0]))

static struct access plain_access(void)
{
	return (struct access){
		.secret_name = "shadow",
		.secret_class = "os-credential",
		.path = "/etc/shadow",
		.kind = ACCESS_OPEN,
		.via = VIA_OPENAT,
		.mode = MODE_READ,
		.count = 1,
		.last_real_ns = 1767323045ULL * 1000000000,
		.process = {.id = {.pid = 4242},
			    .exe = "/usr/bin/cat",
			    .comm = "cat",
			    .user = "root",
			    .unit = "cron.service",
			    .ancestors = {{41, "/usr/bin/bash"},
					  {40, "/usr/sbin/sshd"},
					  {1, "/usr/lib/systemd/systemd"}},
			    .ancestors_count = 3},
		.verdict = {VERDICT_ALERT, "default", "host", TIER_OBSERVE, false},
	};
}

/* Columns of what was written, by our own count of its characters; fails on anything that is not plain text or SGR. */
static size_t columns_of(const char *text)
{
	size_t columns = 0, size = strlen(text);

	for (size_t at = 0; at < size;) {
		uint32_t character;
		size_t taken = utf8_decode(text + at, size - at, &character);

		assert_true(taken > 0);
		if (character == '\033') {
			size_t sequence = strspn(text + at + 2, "0123456789;");

			assert_int_equal(text[at + 1], '[');
			assert_int_equal(text[at + 2 + sequence], 'm');
			at += 3 + sequence;
			continue;
		}
		assert_true(character >= 0x20 && character != 0x7f && !(character >= 0x80 && character < 0xa0));
		assert_true(character != 0x202e && character != 0x200b && character != 0xfeff);
		if ((character >= 0x4e00 && character < 0xa000) || (character >= 0x1f300 && character < 0x1fb00))
			columns += 2;
		else if (character != 0x301)
			columns++;
		at += taken;
	}
	return columns;
}

/* ---------------------------------------------------------------- cells */

typedef size_t write_function(struct buffer *buffer, const char *text, size_t columns);

static void assert_cell(write_function *write_cell, const char *text, size_t columns, const char *expected)
{
	struct buffer buffer = BUFFER_INIT(SCREEN_SIZE);
	size_t used = write_cell(&buffer, text, columns);

	assert_string_equal(buffer.data, expected);
	assert_int_equal(used, columns_of(expected));
	buffer_release(&buffer);
}

static void never_writes_more_columns_than_asked_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < NASTY_COUNT; i++)
		for (size_t columns = 0; columns < 100; columns++) {
			struct buffer buffer = BUFFER_INIT(SCREEN_SIZE);
			size_t used = cell_write(&buffer, nasty[i], columns);

			assert_true(used <= columns);
			assert_int_equal(used, columns_of(buffer.data ? buffer.data : ""));
			buffer_reset(&buffer);
			used = cell_write_path(&buffer, nasty[i], columns);
			assert_true(used <= columns);
			assert_int_equal(used, columns_of(buffer.data ? buffer.data : ""));
			buffer_release(&buffer);
		}
}

static void escapes_what_would_move_the_cursor(void **state)
{
	(void)state;
	assert_cell(cell_write, "a\nb\033[2J\x7f", 80, "a\\nb\\x1b[2J\\x7f");
	assert_cell(cell_write, "\xff\xc2\x9b", 80, "\\xff\\u{9b}");
	assert_cell(cell_write, "x\xe2\x80\xaey", 80, "x\\u{202e}y");
}

static void escapes_a_pile_of_combining_marks(void **state)
{
	(void)state;
	assert_cell(cell_write, "e\xcc\x81\xcc\x81\xcc\x81", 80, "e\xcc\x81\xcc\x81\\u{301}");
	assert_cell(cell_write, "\xcc\x81", 80, "\\u{301}");
}

static void shortens_in_the_middle(void **state)
{
	(void)state;
	assert_cell(cell_write, "abcdefghij", 10, "abcdefghij");
	assert_cell(cell_write, "abcdefghij", 6, "ab\xe2\x80\xa6hij");
	assert_cell(cell_write, "abcdefghij", 1, "\xe2\x80\xa6");
}

static void keeps_the_name_of_a_path(void **state)
{
	(void)state;
	assert_cell(cell_write_path, "/usr/local/lib/python3", 14, "/usr/\xe2\x80\xa6/python3");
	assert_cell(cell_write_path, "/usr/local/lib/python3", 9, "\xe2\x80\xa6/python3");
	assert_cell(cell_write_path, "/usr/local/lib/python3", 6, "/u\xe2\x80\xa6on3");
}

/* ---------------------------------------------------------------- columns */

static void fills_the_width_and_never_exceeds_it(void **state)
{
	(void)state;
	for (size_t columns = LAYOUT_COLUMNS_MIN; columns <= LAYOUT_COLUMNS_MAX; columns++) {
		struct layout layout;
		size_t used = 0;

		layout_fit(&layout, columns);
		for (int i = 0; i < COLUMN_TOTAL; i++)
			if (layout.width[i])
				used += layout.width[i] + (used ? layout.gap : 0);
		assert_int_equal(used, columns);
	}
}

static void shows_every_column_from_120_on(void **state)
{
	struct layout layout;

	(void)state;
	layout_fit(&layout, 120);
	for (int i = 0; i < COLUMN_TOTAL; i++)
		assert_true(layout.width[i] >= strlen(layout_title((enum table_column)i)));
	layout_fit(&layout, 80);
	assert_int_equal(layout.width[COLUMN_CLASS], 0);
	assert_true(layout.width[COLUMN_PROCESS] > 20);
}

/* ---------------------------------------------------------------- rows */

static void assert_row(const struct access *access, size_t columns, const char *expected)
{
	struct buffer buffer = BUFFER_INIT(SCREEN_SIZE);
	struct layout layout;

	layout_fit(&layout, columns);
	table_row_write_access(&buffer, &layout, access, false);
	assert_string_equal(buffer.data + 8, expected); /* behind the time, which is local */
	buffer_release(&buffer);
}

static void shows_an_access_on_120_columns(void **state)
{
	struct access access = plain_access();

	(void)state;
	assert_row(&access, 120,
		   " ALERT      shadow          os-credential /usr/bin/cat 4242 root cron        openat            1 "
		   "bash < "
		   "sshd < \xe2\x80\xa6");
}

static void shows_path_and_ancestors_where_there_is_room(void **state)
{
	struct access access = plain_access();

	(void)state;
	assert_row(
		&access, 160,
		"  ALERT       shadow /etc/shadow          os-credential    /usr/bin/cat 4242 root cron              "
		"     "
		"openat               1  bash < sshd < systemd");
}

/* The one cell that differs from a plain access: looked for between blanks. */
static void assert_shows(const struct access *access, const char *expected)
{
	struct buffer buffer = BUFFER_INIT(SCREEN_SIZE);
	struct layout layout;

	layout_fit(&layout, 200);
	table_row_write_access(&buffer, &layout, access, false);
	assert_non_null(strstr(buffer.data, expected));
	buffer_release(&buffer);
}

static void shows_how_it_was_done(void **state)
{
	struct access access = plain_access();

	(void)state;
	access.result = -EACCES;
	assert_shows(&access, "  openat EACCES  ");
	access.mode = MODE_READ | MODE_WRITE | MODE_COMPAT;
	assert_shows(&access, "  openat+w+32 EACCES  ");
	access = plain_access();
	access.kind = ACCESS_PROC_MEM;
	access.target_pid = 812;
	assert_shows(&access, "  proc-mem>812  ");
	access = plain_access();
	access.kind = ACCESS_RECEIVE;
	access.via = VIA_IO_URING;
	assert_shows(&access, "  receive/io_uring  ");
}

static void shows_who_did_it(void **state)
{
	struct access access = plain_access();

	(void)state;
	access.process.container = "4f1c9a0b77e2d1c0ffee";
	access.process.user = NULL;
	access.process.cred.uid = 1000;
	assert_shows(&access, "  /usr/bin/cat 4242 1000 4f1c9a0b77e2  ");
	access = plain_access();
	access.process.exe_id.flags = EXE_FLAG_MEMFD | EXE_FLAG_DELETED;
	assert_shows(&access, "  /usr/bin/cat (memfd) 4242 root cron  ");
	access.process.exe = "";
	access.process.exe_id.flags = 0;
	assert_shows(&access, "  (cat) 4242 root cron  ");
}

static void shows_counts_in_five_columns(void **state)
{
	static const struct {
		uint64_t count;
		const char *shown;
	} rows[] = {{0, "      0  bash"},       {99999, "  99999  bash"},      {100000, "   100k  bash"},
		    {1234567, "   1.2M  bash"}, {UINT64_MAX, "  18.4E  bash"}, {999999999, "   999M  bash"}};
	struct access access = plain_access();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		access.count = rows[i].count;
		assert_shows(&access, rows[i].shown);
	}
}

static void sets_off_denials_that_were_carried_out(void **state)
{
	struct access access = plain_access();

	(void)state;
	access.verdict.action = VERDICT_DENY;
	assert_shows(&access, "  deny     ");
	access.verdict.is_enforced = true;
	assert_shows(&access, "  DENY     ");
	access.verdict.is_enforced = false;
	access.verdict.would_deny = true;
	assert_shows(&access, "  would deny  ");
}

static void keeps_nasty_rows_within_any_width(void **state)
{
	struct access access = plain_access();
	struct access_process *process = &access.process;

	(void)state;
	for (size_t i = 0; i < NASTY_COUNT; i++) {
		const char *text = nasty[i];

		access.secret_name = access.secret_class = access.path = text;
		process->exe = process->comm = process->user = process->unit = process->ancestors[0].exe = text;
		process->container = i % 2 ? text : NULL;
		access.count = UINT64_MAX >> i;
		access.target_pid = (uint32_t)i * 1000000;
		access.result = i % 3 ? -EWOULDBLOCK : -12345;
		process->exe_id.flags = (uint32_t)i;
		process->id.pid = UINT32_MAX;
		for (size_t columns = 1; columns < 300; columns++) {
			struct buffer buffer = BUFFER_INIT(SCREEN_SIZE);
			struct layout layout;

			layout_fit(&layout, columns);
			table_row_write_access(&buffer, &layout, &access, columns % 2);
			assert_false(buffer.failed);
			assert_true(columns_of(buffer.data) <= layout.columns);
			buffer_release(&buffer);
		}
	}
}

/* ---------------------------------------------------------------- the output */

struct fixture {
	struct event_base *base;
	struct output *output;
	char path[96];
	int terminal; /* the master's side, or -1 */
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *tmp = getenv("TMPDIR");
	int fd;

	assert_non_null(fixture);
	(void)unsetenv("COLUMNS");
	(void)unsetenv("NO_COLOR");
	(void)setenv("TERM", "xterm", 1);
	fixture->terminal = -1;
	fixture->base = event_base_new();
	(void)snprintf(fixture->path, sizeof(fixture->path), "%.60s/sagent-XXXXXX", tmp ? tmp : "/tmp");
	fd = mkostemp(fixture->path, O_CLOEXEC);
	assert_true(fd >= 0);
	(void)close(fd);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	output_free(fixture->output);
	event_base_free(fixture->base);
	(void)unlink(fixture->path);
	if (fixture->terminal >= 0)
		(void)close(fixture->terminal);
	free(fixture);
	return 0;
}

static void open_table(struct fixture *fixture, const char *path)
{
	const struct output_config config = {.path = path, .buffer_size = SCREEN_SIZE};

	assert_int_equal(output_open("table", fixture->base, &config, &fixture->output, NULL), 0);
	assert_false(output_needs_lines(fixture->output));
}

/* A terminal of its own, `columns` wide and 10 lines high. */
static void open_terminal(struct fixture *fixture, unsigned short columns)
{
	const struct winsize size = {.ws_col = columns, .ws_row = 10};

	fixture->terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fixture->terminal >= 0);
	assert_int_equal(grantpt(fixture->terminal), 0);
	assert_int_equal(unlockpt(fixture->terminal), 0);
	assert_int_equal(ioctl(fixture->terminal, TIOCSWINSZ, &size), 0);
	open_table(fixture, ptsname(fixture->terminal));
}

static const char *shown_on(int fd)
{
	static char text[SCREEN_SIZE];
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	return text;
}

static const char *shown_in_file(struct fixture *fixture)
{
	int fd = open(fixture->path, O_RDONLY | O_CLOEXEC);
	const char *text;

	output_flush(fixture->output);
	text = shown_on(fd);
	(void)close(fd);
	return text;
}

static size_t occurrences(const char *text, const char *what)
{
	size_t n = 0;

	for (text = strstr(text, what); text; text = strstr(text + 1, what))
		n++;
	return n;
}

static void put_accesses(struct fixture *fixture, size_t count)
{
	struct access access = plain_access();

	for (size_t i = 0; i < count; i++)
		output_access(fixture->output, &access, NULL, 0);
	output_flush(fixture->output);
}

static void repeats_the_header_each_screenful(void **state)
{
	struct fixture *fixture = *state;
	const char *text;

	open_terminal(fixture, 100);
	put_accesses(fixture, 20);
	text = shown_on(fixture->terminal);
	assert_int_equal(occurrences(text, "VERDICT"), 3); /* rows 1, 9 and 17 */
	assert_int_equal(occurrences(text, "ALERT"), 20);
}

static void follows_the_width_of_the_terminal(void **state)
{
	struct fixture *fixture = *state;
	const struct winsize wide = {.ws_col = 150, .ws_row = 10};
	const char *text;

	open_terminal(fixture, 80);
	put_accesses(fixture, 1);
	assert_null(strstr(shown_on(fixture->terminal), "CLASS"));
	assert_int_equal(ioctl(fixture->terminal, TIOCSWINSZ, &wide), 0);
	put_accesses(fixture, 1);
	text = shown_on(fixture->terminal);
	assert_non_null(strstr(text, "CLASS"));
	assert_non_null(strstr(text, "os-credential"));
}

static void has_colors_on_a_terminal_only(void **state)
{
	struct fixture *fixture = *state;

	open_terminal(fixture, 100);
	put_accesses(fixture, 1);
	assert_non_null(strstr(shown_on(fixture->terminal), "\033[1;33mALERT\033[0m"));
	output_free(fixture->output);
	open_table(fixture, fixture->path);
	put_accesses(fixture, 1);
	assert_null(strchr(shown_in_file(fixture), '\033'));
}

static void has_no_colors_when_asked_for_none(void **state)
{
	struct fixture *fixture = *state;

	(void)setenv("NO_COLOR", "1", 1);
	open_terminal(fixture, 100);
	put_accesses(fixture, 1);
	assert_null(strchr(shown_on(fixture->terminal), '\033'));
}

static void shows_losses_and_policies_as_notes(void **state)
{
	struct fixture *fixture = *state;
	const struct event_loss loss = {LOSS_UNCOUNTED, 12, 34};
	struct error error = {.text = ""};
	const struct event_policy_refused refused = {&error, true};
	const char *text;

	(void)error_set(&error, -EINVAL, "/p.yaml", 12, "unknown key 'pahts': write 'paths'");
	open_table(fixture, fixture->path);
	output_event(fixture->output, &(struct bus_event){.type = EVENT_LOSS, .loss = &loss}, NULL, 0);
	output_event(fixture->output, &(struct bus_event){.type = EVENT_POLICY_REFUSED, .policy_refused = &refused},
		     NULL, 0);
	text = shown_in_file(fixture);
	assert_non_null(strstr(text, "LOSS    12 at uncounted, 34 since the start: accesses may be missing"));
	assert_non_null(strstr(text, "policy refused: /p.yaml:12: unknown key 'pahts': write 'paths' (the one before"));
}

static void shows_where_a_process_wanted_to_send(void **state)
{
	struct fixture *fixture = *state;
	struct event_egress egress = {
		.secret_name = "db",
		.age_ns = 1234000000,
		.address = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 5}},
		.port = 443,
		.protocol = 6,
		.count = 3,
		.process = {.id = {.pid = 77}, .exe = "/usr/bin/curl"},
		.verdict = {.action = VERDICT_DENY, .is_enforced = true},
	};
	const struct bus_event event = {.type = EVENT_EGRESS, .egress = &egress};
	const char *text;

	(void)setenv("COLUMNS", "120", 1);
	open_table(fixture, fixture->path);
	output_event(fixture->output, &event, NULL, 0);
	egress.verdict = (struct verdict){.action = VERDICT_DENY, .would_deny = true};
	egress.count = 1;
	egress.port = 0;
	egress.protocol = 255;
	output_event(fixture->output, &event, NULL, 0);
	text = shown_in_file(fixture);
	assert_non_null(
		strstr(text, "DENY tcp to 10.0.0.5 port 443 by /usr/bin/curl 77, 1.234 s after it had db (3 times)"));
	assert_non_null(strstr(text, "would deny raw to 10.0.0.5 by /usr/bin/curl 77, 1.234 s after it had db\n"));
}

static void breaks_a_long_note_into_lines(void **state)
{
	static const char *const spots[] = {
		"one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"};
	struct fixture *fixture = *state;
	const struct event_started started = {.backend = "lsm",
					      .blind_spots = spots,
					      .blind_spots_count = 1,
					      .policies = 1,
					      .secrets = 1,
					      .files = 1};
	const char *text;

	(void)setenv("COLUMNS", "60", 1);
	open_table(fixture, fixture->path);
	output_event(fixture->output, &(struct bus_event){.type = EVENT_STARTED, .started = &started}, NULL, 0);
	text = shown_in_file(fixture);
	assert_non_null(strstr(text, "\n         "));
	for (size_t length; *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		assert_true(length <= 60);
	}
	(void)unsetenv("COLUMNS");
}

static void ends_with_a_summary(void **state)
{
	struct fixture *fixture = *state;
	const struct event_stopped stopped = {.reason = "SIGINT"};
	struct access access = plain_access();
	const char *text;

	open_table(fixture, fixture->path);
	access.count = 1200;
	output_access(fixture->output, &access, NULL, 0);
	access.verdict.action = VERDICT_ALLOW;
	access.process.exe = "/usr/sbin/sshd";
	access.count = 34;
	output_access(fixture->output, &access, NULL, 0);
	output_event(fixture->output, &(struct bus_event){.type = EVENT_STOPPED, .stopped = &stopped}, NULL, 0);
	text = shown_in_file(fixture);
	assert_non_null(strstr(text, "\n1,234 accesses in "));
	assert_non_null(strstr(text, "1,200 alerts, nothing lost"));
	assert_non_null(strstr(text, "secrets touched (1)"));
	text = strstr(text, "top readers (2)");
	assert_true(strstr(text, "  /usr/sbin/sshd") > strstr(text, "  /usr/bin/cat"));
}

static void bounds_the_names_that_a_summary_keeps(void **state)
{
	struct summary summary = {0};
	struct access access = plain_access();
	const struct bus_event event = {.type = EVENT_ACCESS, .access = &access};
	const struct summary_style style = {"", "", "", "", ""};
	struct buffer buffer = BUFFER_INIT(SCREEN_SIZE);
	char exe[32];

	(void)state;
	access.process.exe = exe;
	for (unsigned int i = 0; i < 3 * SUMMARY_NAMES_MAX; i++) {
		(void)snprintf(exe, sizeof(exe), "/bin/%u", i);
		summary_add(&summary, &event);
	}
	summary_write(&summary, &buffer, 61000000000ULL, 80, &style);
	assert_int_equal(summary.accesses, 3 * SUMMARY_NAMES_MAX);
	assert_non_null(strstr(buffer.data, "12,288 accesses in 1 min 1 s"));
	assert_non_null(strstr(buffer.data, "top readers (4097)"));
	assert_non_null(strstr(buffer.data, "(others)"));
	buffer_release(&buffer);
	summary_release(&summary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_writes_more_columns_than_asked_for),
		cmocka_unit_test(escapes_what_would_move_the_cursor),
		cmocka_unit_test(escapes_a_pile_of_combining_marks),
		cmocka_unit_test(shortens_in_the_middle),
		cmocka_unit_test(keeps_the_name_of_a_path),
		cmocka_unit_test(fills_the_width_and_never_exceeds_it),
		cmocka_unit_test(shows_every_column_from_120_on),
		cmocka_unit_test(shows_an_access_on_120_columns),
		cmocka_unit_test(shows_path_and_ancestors_where_there_is_room),
		cmocka_unit_test(shows_how_it_was_done),
		cmocka_unit_test(shows_who_did_it),
		cmocka_unit_test(shows_counts_in_five_columns),
		cmocka_unit_test(sets_off_denials_that_were_carried_out),
		cmocka_unit_test(keeps_nasty_rows_within_any_width),
		cmocka_unit_test_setup_teardown(repeats_the_header_each_screenful, set_up, tear_down),
		cmocka_unit_test_setup_teardown(follows_the_width_of_the_terminal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(has_colors_on_a_terminal_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(has_no_colors_when_asked_for_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shows_where_a_process_wanted_to_send, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shows_losses_and_policies_as_notes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(breaks_a_long_note_into_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ends_with_a_summary, set_up, tear_down),
		cmocka_unit_test(bounds_the_names_that_a_summary_keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
