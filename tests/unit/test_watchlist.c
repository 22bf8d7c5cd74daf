/* SPDX-License-Identifier: Apache-2.0 */
#include "watch_fixture.h"

#include <sched.h>
#include <sys/mount.h>

/* ---------------------------------------------------------------- patterns */

static void finds_files_of_every_kind_of_pattern(void **state)
{
	struct watch_fixture *f = *state;

	make_file(f, "etc/shadow");
	make_file(f, "home/ann/.ssh/id_rsa");
	make_file(f, "home/bob/.ssh/id_ed25519");
	make_file(f, "home/bob/.ssh/known_hosts");
	make_file(f, "run/a/b/c/key");
	make_file(f, "srv/x1.pem");
	make_file(f, "srv/y1.pem");
	load(f, "etc/shadow", "home/*/.ssh/id_*", "run/**", "srv/[xz]?.pem");
	assert_int_equal(access_to(f, "etc/shadow"), 0);
	assert_int_equal(access_to(f, "home/ann/.ssh/id_rsa"), 1);
	assert_int_equal(access_to(f, "home/bob/.ssh/id_ed25519"), 1);
	assert_int_equal(access_to(f, "home/bob/.ssh/known_hosts"), NO_SECRET);
	assert_int_equal(access_to(f, "run/a/b/c/key"), 2);
	assert_int_equal(access_to(f, "srv/x1.pem"), 3);
	assert_int_equal(access_to(f, "srv/y1.pem"), NO_SECRET);
	assert_int_equal(statistics(f).files, 5);
}

static void knows_all_present_files_before_any_is_opened(void **state)
{
	struct watch_fixture *f = *state;

	make_file(f, "etc/shadow");
	make_file(f, "t/a/b/.env");
	load(f, "etc/shadow", "t/**/.env");
	assert_true(is_published(f, "etc/shadow"));
	assert_true(is_published(f, "t/a/b/.env"));
}

static void gives_path_and_secret_of_a_known_file(void **state)
{
	struct watch_fixture *f = *state;
	const struct watched_file *file;
	struct file_id id;

	make_file(f, "etc/deep/shadow");
	load(f, "none", "etc/**");
	id = identity(f, "etc/deep/shadow");
	file = watchlist_find(f->list, &id);
	assert_non_null(file);
	assert_int_equal(file->secret, 1);
	assert_string_equal(file->path, at(f, "etc/deep/shadow"));
	assert_int_equal(file->nlink, 1);
	id.ino++;
	id.dev++;
	assert_null(watchlist_find(f->list, &id));
}

static void leaves_out_what_is_excluded(void **state)
{
	struct watch_fixture *f = *state;
	char pattern[PATH_MAX], exclude[PATH_MAX];
	const char *excludes[] = {exclude};
	struct watch_pattern rule = {
		.pattern = pattern, .excludes = excludes, .excludes_count = 1, .number = NUMBER(0)};

	make_file(f, "run/a/ca.crt");
	make_file(f, "run/a/token");
	(void)snprintf(pattern, sizeof(pattern), "%s/run/**", f->root);
	(void)snprintf(exclude, sizeof(exclude), "%s/run/**/ca.crt", f->root);
	assert_int_equal(watchlist_load(f->list, &rule, 1, &f->error), 0);
	assert_int_equal(access_to(f, "run/a/token"), 0);
	assert_int_equal(access_to(f, "run/a/ca.crt"), NO_SECRET);
	make_file(f, "run/new/ca.crt");
	assert_int_equal(access_to(f, "run/new/ca.crt"), NO_SECRET);
}

static void numbers_a_new_file_at_once_where_its_place_says_all(void **state)
{
	struct watch_fixture *f = *state;

	make_directory(f, "etc");
	make_directory(f, "any/dir");
	make_directory(f, "tree/sub");
	make_directory(f, "half/sub");
	make_directory(f, "mixed/sub");
	load(f, "etc/shadow", "any/*", "any/first", "tree/**", "half/**/key", "etc/new/**", "mixed/**/key", "mixed/**");
	make_file(f, "etc/shadow");
	make_file(f, "etc/new/deep/x");
	make_file(f, "any/what");
	make_file(f, "any/first");
	make_file(f, "tree/x");
	make_file(f, "tree/sub/new/x");
	make_file(f, "half/sub/key");
	make_file(f, "mixed/sub/other");
	assert_int_equal(number_at(f, "etc/shadow"), NUMBER(0));
	assert_int_equal(number_at(f, "any/what"), NUMBER(1));
	assert_int_equal(number_at(f, "any/first"), NUMBER(1));
	assert_int_equal(number_at(f, "tree/x"), NUMBER(3));
	assert_int_equal(number_at(f, "tree/sub/new/x"), NUMBER(3));
	assert_int_equal(number_at(f, "etc/new/deep/x"), NUMBER(5));
	/* The name decides, which the kernel does not know of. */
	assert_int_equal(number_at(f, "half/sub/key"), 0);
	assert_int_equal(number_at(f, "mixed/sub/other"), 0);
	assert_int_equal(access_to(f, "any/what"), 1);
	assert_int_equal(access_to(f, "tree/sub/new/x"), 3);
	assert_int_equal(access_to(f, "etc/new/deep/x"), 5);
	assert_int_equal(access_to(f, "mixed/sub/other"), 7);
}

static void numbers_no_new_file_that_may_be_excluded(void **state)
{
	struct watch_fixture *f = *state;
	char tree[PATH_MAX], literal[PATH_MAX], exclude[PATH_MAX];
	const char *excludes[] = {exclude};
	struct watch_pattern rules[] = {
		{.pattern = tree, .excludes = excludes, .excludes_count = 1, .number = NUMBER(0)},
		{.pattern = literal, .excludes = excludes, .excludes_count = 1, .secret = 1, .number = NUMBER(1)},
	};

	make_directory(f, "tree");
	make_directory(f, "etc");
	(void)snprintf(tree, sizeof(tree), "%s/tree/**", f->root);
	(void)snprintf(literal, sizeof(literal), "%s/etc/key", f->root);
	(void)snprintf(exclude, sizeof(exclude), "%s/tree/public", f->root);
	assert_int_equal(watchlist_load(f->list, rules, 2, &f->error), 0);
	make_file(f, "tree/public");
	make_file(f, "tree/key");
	make_file(f, "etc/key");
	assert_int_equal(number_at(f, "tree/key"), 0);
	assert_int_equal(number_at(f, "tree/public"), 0);
	assert_int_equal(number_at(f, "etc/key"), NUMBER(1)); /* its path is known whole: it is not left out */
	assert_int_equal(access_to(f, "tree/public"), NO_SECRET);
	assert_int_equal(access_to(f, "tree/key"), 0);
}

static void renumbers_files_when_their_secrets_change_places(void **state)
{
	struct watch_fixture *f = *state;
	struct file_id id;

	make_file(f, "a/key");
	make_file(f, "a/gone");
	id = identity(f, "a/gone");
	load(f, "a/key", "a/gone", "none");
	delete_file(f, "a/gone");
	settle(f);
	assert_int_equal(access_to(f, "a/key"), 0);
	assert_int_equal(fake_find(f->kernel.files, &id, 0)->secret, NUMBER(1));
	load(f, "none", "other", "a/key", "a/gone");
	assert_int_equal(access_to(f, "a/key"), 2);
	assert_int_equal(fake_find(f->kernel.files, &id, 0)->secret, NUMBER(3));
}

static void takes_the_first_secret_of_a_file_that_two_name(void **state)
{
	struct watch_fixture *f = *state;

	make_file(f, "a/key");
	assert_int_equal(link(at(f, "a/key"), at(f, "a/other")), 0);
	load(f, "a/other", "a/*", "a/key");
	assert_int_equal(access_to(f, "a/key"), 0);
	delete_file(f, "a/other");
	settle(f);
	assert_int_equal(access_to(f, "a/key"), 1);
}

static void counts_only_regular_files(void **state)
{
	struct watch_fixture *f = *state;

	make_directory(f, "a/directory");
	assert_int_equal(mkfifo(at(f, "a/fifo"), 0600), 0);
	make_file(f, "a/file");
	load(f, "a/*");
	assert_int_equal(statistics(f).files, 1);
	assert_int_equal(access_to(f, "a/file"), 0);
}

static void handles_names_of_any_bytes(void **state)
{
	struct watch_fixture *f = *state;

	make_directory(f, "a");
	make_file(f, "a/new\nline");
	make_file(f, "a/\xff\xfe");
	make_file(f, "a/[x]*");
	load(f, "a/new*", "a/\xff?", "a/[[]x]*");
	assert_int_equal(access_to(f, "a/new\nline"), 0);
	assert_int_equal(access_to(f, "a/\xff\xfe"), 1);
	assert_int_equal(access_to(f, "a/[x]*"), 2);
}

static void follows_paths_up_to_the_longest(void **state)
{
	struct watch_fixture *f = *state;
	char name[256], path[PATH_MAX];
	size_t size;

	memset(name, 'n', 250);
	name[250] = '\0';
	size = (size_t)snprintf(path, sizeof(path), "t");
	while (strlen(f->root) + 1 + size + 251 + 5 < PATH_MAX)
		size += (size_t)snprintf(path + size, sizeof(path) - size, "/%s", name);
	(void)snprintf(path + size, sizeof(path) - size, "/key");
	make_file(f, path);
	load(f, "t/**");
	assert_true(is_published(f, path));
	assert_int_equal(access_to(f, path), 0);
}

static void refuses_patterns_that_would_watch_the_whole_system(void **state)
{
	struct watch_fixture *f = *state;

	make_file(f, "a/key");
	load(f, "a/key");
	assert_int_equal(try_load(f, 2, (const char *const[]){"a/*", "/**/key"}), -EINVAL);
	assert_non_null(strstr(f->error.text, "/**/key"));
	assert_int_equal(access_to(f, "a/key"), 0);
	assert_int_equal(try_load(f, 1, (const char *const[]){"/*/**"}), -EINVAL);
}

/* ---------------------------------------------------------------- things that appear */

static void sees_new_files_without_a_gap(void **state)
{
	struct watch_fixture *f = *state;

	make_directory(f, "home");
	make_directory(f, "etc");
	make_directory(f, "t/known");
	load(f, "home/*/.ssh/id_*", "etc/shadow", "t/**", "not/there/yet");
	make_file(f, "home/new/.ssh/id_rsa");
	assert_int_equal(access_to(f, "home/new/.ssh/id_rsa"), 0);
	make_file(f, "home/new/.ssh/config");
	assert_int_equal(access_to(f, "home/new/.ssh/config"), NO_SECRET);
	make_file(f, "etc/shadow");
	assert_int_equal(access_to(f, "etc/shadow"), 1);
	make_file(f, "t/known/x/y/z/key");
	assert_int_equal(access_to(f, "t/known/x/y/z/key"), 2);
	make_file(f, "etc/other");
	assert_int_equal(access_to(f, "etc/other"), NOT_TRACKED);
	settle(f);
	assert_int_equal(statistics(f).files, 3);
	assert_int_equal(access_to(f, "t/known/x/y/z/key"), 2);
}

static void waits_for_directories_that_do_not_exist_yet(void **state)
{
	struct watch_fixture *f = *state;

	make_directory(f, "base");
	load(f, "base/not/there/yet");
	make_file(f, "base/not/there/yet");
	assert_int_equal(access_to(f, "base/not/there/yet"), 0);
	settle(f);
	assert_int_equal(statistics(f).files, 1);
	assert_true(f->changes > 0);
}

static void follows_a_rename_over_the_secret(void **state)
{
	struct watch_fixture *f = *state;
	struct file_id old;

	make_file(f, "etc/shadow");
	load(f, "etc/shadow");
	old = identity(f, "etc/shadow");
	make_file(f, "etc/nshadow");
	move(f, "etc/nshadow", "etc/shadow");
	assert_int_equal(access_to(f, "etc/shadow"), 0);
	settle(f);
	assert_true(is_published(f, "etc/shadow"));
	/* It may still be open. */
	assert_non_null(watchlist_find(f->list, &old));
	assert_int_equal(statistics(f).departed, 1);
	assert_int_equal(statistics(f).files, 1);
}

static void follows_deletion_and_making_anew(void **state)
{
	struct watch_fixture *f = *state;

	make_file(f, "etc/shadow");
	load(f, "etc/shadow");
	for (int i = 0; i < 3; i++) {
		delete_file(f, "etc/shadow");
		settle(f);
		assert_int_equal(statistics(f).files, 0);
		make_file(f, "etc/shadow");
		assert_int_equal(access_to(f, "etc/shadow"), 0);
		settle(f);
		assert_int_equal(statistics(f).files, 1);
	}
}

static void follows_a_directory_that_is_renamed_away_and_back(void **state)
{
	struct watch_fixture *f = *state;

	make_file(f, "a/b/c/key");
	load(f, "a/b/*/key");
	move(f, "a/b", "a/away");
	settle(f);
	assert_int_equal(statistics(f).files, 0);
	/* The file has another name; it is what it was. */
	assert_int_equal(access_to(f, "a/away/c/key"), 0);
	make_file(f, "a/away/d/key");
	assert_int_equal(access_to(f, "a/away/d/key"), NOT_TRACKED);
	move(f, "a/away", "a/b");
	assert_int_equal(access_to(f, "a/b/c/key"), 0);
	assert_int_equal(access_to(f, "a/b/d/key"), 0);
	settle(f);
	assert_int_equal(statistics(f).files, 2);
	assert_int_equal(statistics(f).departed, 0);
	assert_int_equal(f->kernel.clears, 0);
}

static void sees_hard_links_by_their_inode(void **state)
{
	struct watch_fixture *f = *state;
	const struct watched_file *file;
	struct file_id id;

	make_file(f, "etc/shadow");
	make_directory(f, "elsewhere");
	assert_int_equal(link(at(f, "etc/shadow"), at(f, "elsewhere/copy")), 0);
	load(f, "etc/shadow");
	assert_int_equal(access_to(f, "elsewhere/copy"), 0);
	id = identity(f, "etc/shadow");
	file = watchlist_find(f->list, &id);
	assert_int_equal(file->nlink, 2);
	delete_file(f, "etc/shadow");
	settle(f);
	assert_int_equal(access_to(f, "elsewhere/copy"), 0);
}

static void makes_a_candidate_again_of_an_ignored_file_that_is_renamed(void **state)
{
	struct watch_fixture *f = *state;
	struct fake_entry *ignored;
	struct file_id id, parent;

	make_file(f, "a/b/plain");
	load(f, "a/**/key");
	assert_int_equal(access_to(f, "a/b/plain"), NO_SECRET);
	id = identity(f, "a/b/plain");
	parent = identity(f, "a/b");
	ignored = fake_find(f->kernel.ignored, &id, 0);
	assert_non_null(ignored);
	assert_int_equal(ignored->ignored.parent_ino, parent.ino);
	assert_int_equal(ignored->ignored.name_hash, name_hash("plain", 5));
	move(f, "a/b/plain", "a/b/key");
	assert_int_equal(access_to(f, "a/b/key"), 0);
}

static void ignores_by_the_parent_that_the_file_has(void **state)
{
	struct watch_fixture *f = *state;
	struct file_id id, top, parent;
	const struct watched_file *file = NULL;

	make_directory(f, "a");
	load(f, "a/**/key");
	make_file(f, "a/new/dir/plain");
	id = identity(f, "a/new/dir/plain");
	top = identity(f, "a");
	parent = identity(f, "a/new/dir");
	assert_int_equal(watchlist_candidate(f->list, &id, &top, "plain\0dir\0new", 14, false, 1, &file), 0);
	assert_int_equal(fake_find(f->kernel.ignored, &id, 0)->ignored.parent_ino, parent.ino);
}

static void judges_a_truncated_candidate_by_what_trees_allow(void **state)
{
	struct watch_fixture *f = *state;
	const struct watched_file *file = NULL;
	struct file_id id = {.ino = 1, .dev = 1}, top;

	make_directory(f, "a");
	load(f, "a/**/x/key", "a/*/*/key");
	top = identity(f, "a");
	assert_int_equal(watchlist_candidate(f->list, &id, &top, "key\0x", 6, true, 1, &file), 1);
	assert_int_equal(file->secret, 0);
	id.ino++;
	assert_int_equal(watchlist_candidate(f->list, &id, &top, "key\0y", 6, true, 1, &file), 0);
}

static void refuses_malformed_candidates(void **state)
{
	struct watch_fixture *f = *state;
	const struct watched_file *file = NULL;
	struct file_id id = {.ino = 1, .dev = 1}, top, unknown = {.ino = 77, .dev = 1};

	make_directory(f, "a");
	load(f, "a/**");
	top = identity(f, "a");
	assert_int_equal(watchlist_candidate(f->list, &id, &top, "", 0, false, 1, &file), -EINVAL);
	assert_int_equal(watchlist_candidate(f->list, &id, &top, "x", 1, false, 1, &file), -EINVAL);
	assert_int_equal(watchlist_candidate(f->list, &id, &top, "x\0\0", 3, false, 1, &file), -EINVAL);
	assert_int_equal(watchlist_candidate(f->list, &id, &top, "x/y", 4, false, 1, &file), -EINVAL);
	assert_int_equal(watchlist_candidate(f->list, &id, &unknown, "x", 2, false, 1, &file), -ENOENT);
	assert_null(file);
}

/* ---------------------------------------------------------------- links */

static void follows_a_linked_directory(void **state)
{
	struct watch_fixture *f = *state;

	make_directory(f, "run/db");
	make_directory(f, "var");
	make_link(f, "../run", "var/run");
	load(f, "var/run/db/*");
	make_file(f, "run/db/password");
	assert_int_equal(access_to(f, "run/db/password"), 0);
	settle(f);
	assert_int_equal(statistics(f).files, 1);
	make_file(f, "other/db/password");
	assert_int_equal(access_to(f, "other/db/password"), NOT_TRACKED);
	delete_file(f, "var/run");
	make_link(f, "../other", "var/run");
	settle(f);
	assert_int_equal(access_to(f, "other/db/password"), 0);
	make_file(f, "run/db/late");
	assert_int_equal(access_to(f, "run/db/late"), NOT_TRACKED);
}

static void follows_a_link_to_a_file_and_its_target_that_comes_later(void **state)
{
	struct watch_fixture *f = *state;

	make_directory(f, "etc");
	make_directory(f, "data/x");
	make_link(f, at(f, "data/x/real"), "etc/key");
	load(f, "etc/key");
	make_file(f, "data/x/real");
	assert_int_equal(access_to(f, "data/x/real"), 0);
	settle(f);
	assert_int_equal(statistics(f).files, 1);
	make_file(f, "data/x/new");
	move(f, "data/x/new", "data/x/real");
	assert_int_equal(access_to(f, "etc/key"), 0);
	make_file(f, "data/y");
	delete_file(f, "etc/key");
	make_link(f, "../data/y", "etc/key");
	settle(f);
	assert_int_equal(access_to(f, "etc/key"), 0);
	assert_int_equal(access_to(f, "data/y"), 0);
}

static void does_not_make_a_tree_of_what_a_link_in_a_tree_leads_to(void **state)
{
	struct watch_fixture *f = *state;

	make_file(f, "outside/file");
	make_file(f, "outside/named");
	make_directory(f, "t");
	make_link(f, "../outside", "t/dir");
	make_link(f, "../outside/named", "t/file");
	load(f, "t/**");
	assert_int_equal(access_to(f, "outside/file"), NOT_TRACKED);
	assert_int_equal(access_to(f, "outside/named"), 0);
}

static void survives_links_in_a_circle(void **state)
{
	struct watch_fixture *f = *state;

	make_directory(f, "a");
	make_link(f, "y", "a/x");
	make_link(f, "x", "a/y");
	make_link(f, "self", "a/self");
	make_link(f, ".", "a/here");
	make_link(f, "..", "a/up");
	make_link(f, "a/x/../y/..", "loop");
	make_file(f, "a/key");
	load(f, "a/**", "a/*/*/key", "loop/x/*", "a/here/here/here/key");
	assert_int_equal(access_to(f, "a/key"), 0);
	for (int i = 0; i < 4; i++) {
		delete_file(f, "a/x");
		make_link(f, i & 1 ? "y" : "self", "a/x");
		settle(f);
	}
	assert_int_equal(access_to(f, "a/key"), 0);
}

static void does_not_follow_another_users_link_to_what_is_not_theirs(void **state)
{
	struct watch_fixture *f = *state;

	if (geteuid() != 0)
		skip();
	make_file(f, "lib/libc.so");
	make_file(f, "theirs/key");
	assert_int_equal(chown(at(f, "theirs/key"), 1234, 1234), 0);
	make_directory(f, "home/eve");
	make_link(f, "../../lib/libc.so", "home/eve/id_evil");
	make_link(f, "../../theirs/key", "home/eve/id_own");
	make_link(f, "../../lib/later", "home/eve/id_later");
	assert_int_equal(lchown(at(f, "home/eve/id_evil"), 1234, 1234), 0);
	assert_int_equal(lchown(at(f, "home/eve/id_own"), 1234, 1234), 0);
	assert_int_equal(lchown(at(f, "home/eve/id_later"), 1234, 1234), 0);
	load(f, "home/*/id_*");
	assert_true(access_to(f, "lib/libc.so") < 0);
	assert_int_equal(access_to(f, "theirs/key"), 0);
	make_file(f, "lib/later");
	assert_true(access_to(f, "lib/later") < 0);
	settle(f);
	assert_true(access_to(f, "lib/later") < 0);
}

/* As the kubelet writes a projected volume. */
static void write_volume(struct watch_fixture *f, const char *stamp)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "vol/%s/token", stamp);
	make_file(f, path);
	make_link(f, stamp, "vol/..data_tmp");
	move(f, "vol/..data_tmp", "vol/..data");
}

static void follows_the_rotation_of_a_kubernetes_volume(void **state)
{
	struct watch_fixture *f = *state;
	size_t garbage;

	make_directory(f, "vol");
	write_volume(f, "..2026_01_01.1");
	make_link(f, "..data/token", "vol/token");
	load(f, "vol/token");
	assert_int_equal(access_to(f, "vol/token"), 0);
	assert_true(is_published(f, "vol/token"));
	garbage = statistics(f).garbage;
	for (int i = 2; i < 20; i++) {
		char stamp[32], path[64];

		(void)snprintf(stamp, sizeof(stamp), "..2026_01_01.%d", i);
		(void)snprintf(path, sizeof(path), "vol/%s/token", stamp);
		/* In the new directory before the swap, and through the link after it, both with no time to catch up.
		 */
		make_file(f, path);
		assert_int_equal(access_to(f, path), 0);
		write_volume(f, stamp);
		assert_int_equal(access_to(f, "vol/token"), 0);
		settle(f);
		assert_true(is_published(f, "vol/token"));
	}
	assert_int_equal(statistics(f).garbage, garbage);
	assert_int_equal(statistics(f).rebuilds, 0);
}

/* ---------------------------------------------------------------- homes */

static void watches_every_home_and_those_that_appear(void **state)
{
	struct watch_fixture *f = *state;
	char text[512];

	make_file(f, "root/.aws/credentials");
	make_file(f, "users/ann/.aws/credentials");
	make_file(f, "users/bob/.aws/credentials");
	(void)snprintf(
		text, sizeof(text),
		"root:x:0:0::%s/root:/bin/sh\nann:x:1:1::%s/users/ann/:/bin/sh\nann2:x:2:1::%s/users/ann:/bin/sh\n"
		"daemon:x:3:3::/:/bin/false\nbroken line\n",
		f->root, f->root, f->root);
	write_text(f->passwd, text);
	load(f, "~/.aws/credentials");
	assert_int_equal(access_to(f, "root/.aws/credentials"), 0);
	assert_int_equal(access_to(f, "users/ann/.aws/credentials"), 0);
	assert_int_equal(access_to(f, "users/bob/.aws/credentials"), NOT_TRACKED);
	assert_int_equal(statistics(f).files, 2);
	(void)snprintf(text, sizeof(text), "bob:x:4:4::%s/users/bob:/bin/sh\n", f->root);
	write_text(at(f, "passwd.new"), text);
	move(f, "passwd.new", "passwd");
	settle(f); /* the event */
	settle(f); /* the rebuild */
	for (int i = 0; i < 200 && statistics(f).rebuilds == 0; i++)
		assert_true(event_base_loop(f->base, EVLOOP_ONCE) >= 0); /* waits for the timer */
	assert_int_equal(access_to(f, "users/bob/.aws/credentials"), 0);
	assert_int_equal(statistics(f).files, 1);
}

/* ---------------------------------------------------------------- loading again */

static void never_unwatches_what_stays_watched(void **state)
{
	struct watch_fixture *f = *state;

	make_file(f, "a/one");
	make_file(f, "a/two");
	load(f, "a/one", "a/two");
	load(f, "b/none", "a/one", "c/none");
	assert_int_equal(f->kernel.clears, 1);
	assert_int_equal(access_to(f, "a/one"), 1);
	assert_int_equal(access_to(f, "a/two"), NOT_TRACKED);
	load(f, "a/*");
	assert_int_equal(f->kernel.clears, 1);
	assert_int_equal(access_to(f, "a/two"), 0);
	assert_int_equal(try_load(f, 0, NULL), 0);
	assert_int_equal(HASH_COUNT(f->kernel.files), 0);
	assert_int_equal(HASH_COUNT(f->kernel.directories), 0);
	assert_int_equal(HASH_COUNT(f->kernel.names), 0);
}

static void clears_its_tables_when_directories_go(void **state)
{
	struct watch_fixture *f = *state;

	make_file(f, "t/a/b/key");
	load(f, "t/a/b/key");
	assert_int_equal(HASH_COUNT(f->kernel.directories), statistics(f).directories);
	delete_file(f, "t/a/b/key");
	assert_int_equal(rmdir(at(f, "t/a/b")), 0);
	assert_int_equal(rmdir(at(f, "t/a")), 0);
	settle(f);
	/* /tmp/X/t is there, and what is above it but "/". */
	assert_int_equal(HASH_COUNT(f->kernel.directories), statistics(f).directories);
	make_file(f, "t/a/b/key");
	assert_int_equal(access_to(f, "t/a/b/key"), 0);
}

static void keeps_a_bounded_number_of_departed_files(void **state)
{
	struct watch_fixture *f = *state;
	char path[64];

	make_directory(f, "a");
	load(f, "a/*");
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(path, sizeof(path), "a/%d", i);
		make_file(f, path);
	}
	settle(f);
	assert_int_equal(statistics(f).files, 5000);
	make_directory(f, "b");
	for (int i = 0; i < 5000; i++) {
		char to[64];

		(void)snprintf(path, sizeof(path), "a/%d", i);
		(void)snprintf(to, sizeof(to), "b/%d", i);
		move(f, path, to);
	}
	settle(f);
	assert_int_equal(statistics(f).files, 0);
	assert_int_equal(statistics(f).departed, 4096);
	assert_int_equal(HASH_COUNT(f->kernel.files), 4096);
	assert_true(is_published(f, "b/4999"));
}

static void stays_within_its_limits(void **state)
{
	struct watch_fixture *f = *state;
	char path[64];

	watchlist_free(f->list);
	f->list = NULL;
	f->options.max_files = 8;
	f->options.max_directories = 6;
	assert_int_equal(watchlist_new(f->base, &fake_sink, &f->kernel, &f->options, &f->list), 0);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(path, sizeof(path), "a/d%d/key", i);
		make_file(f, path);
		(void)snprintf(path, sizeof(path), "a/k%d", i);
		make_file(f, path);
	}
	load(f, "a/**");
	assert_true(statistics(f).files <= 8);
	assert_true(statistics(f).directories <= 6);
	assert_true(statistics(f).scan.refused_files > 0);
	assert_true(statistics(f).scan.refused_directories > 0);
	/* Seen all the same, as candidates. */
	for (int i = 0; i < 20; i++) {
		(void)snprintf(path, sizeof(path), "a/d%d/key", i);
		assert_int_equal(access_to(f, path), 0);
		(void)snprintf(path, sizeof(path), "a/k%d", i);
		assert_int_equal(access_to(f, path), 0);
	}
}

static void looks_at_everything_again_after_lost_events(void **state)
{
	struct watch_fixture *f = *state;

	make_file(f, "a/one");
	load(f, "a/*");
	/* As many events as overflow the queue; nothing is read in between. */
	for (int i = 0; i < 20000; i++) {
		make_file(f, "a/x");
		delete_file(f, "a/x");
	}
	make_file(f, "a/last");
	settle(f);
	for (int i = 0; i < 200 && statistics(f).rebuilds == 0; i++)
		assert_true(event_base_loop(f->base, EVLOOP_ONCE) >= 0);
	assert_true(statistics(f).overflows >= 1);
	assert_true(is_published(f, "a/last"));
	assert_int_equal(statistics(f).files, 2);
}

/* ---------------------------------------------------------------- mounts */

static void looks_again_where_something_was_mounted(void **state)
{
	struct watch_fixture *f = *state;
	char text[512];

	make_file(f, "mnt/key");
	load(f, "mnt/key");
	/* Another directory takes the place without an event for the name, as a mount does: the watch is gone first. */
	(void)snprintf(text, sizeof(text),
		       "27 1 254:0 / / rw - ext4 /dev/vda rw\n99 27 0:77 / %s/mnt rw shared:1 - tmpfs tmpfs rw\n",
		       f->root);
	write_text(f->mountinfo, text);
	assert_int_equal(watchlist_update_mounts(f->list), 0);
	assert_int_equal(access_to(f, "mnt/key"), 0);
	assert_int_equal(statistics(f).files, 1);
}

/* In a mount namespace of its own, where the kernel signals the change. Comes last: there is no way back. */
static void follows_a_mount_over_a_watched_directory(void **state)
{
	struct watch_fixture *f = *state;
	struct file_id below;

	make_file(f, "mnt/sub/key");
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip();
	watchlist_free(f->list);
	f->list = NULL;
	f->options.mountinfo_path = "/proc/self/mountinfo";
	assert_int_equal(watchlist_new(f->base, &fake_sink, &f->kernel, &f->options, &f->list), 0);
	load(f, "mnt/sub/key");
	settle(f);
	below = identity(f, "mnt/sub/key");
	if (mount("none", at(f, "mnt"), "tmpfs", 0, NULL) < 0)
		skip();
	settle(f);
	assert_int_equal(statistics(f).files, 0);
	make_file(f, "mnt/sub/key");
	assert_int_equal(access_to(f, "mnt/sub/key"), 0);
	settle(f);
	assert_int_equal(statistics(f).files, 1);
	assert_non_null(watchlist_find(f->list, &below));
	assert_int_equal(umount2(at(f, "mnt"), MNT_DETACH), 0);
	settle(f);
	assert_int_equal(statistics(f).files, 1);
	assert_int_equal(access_to(f, "mnt/sub/key"), 0);
}

static void finds_the_file_below_an_overlay(void **state)
{
	struct watch_fixture *f = *state;
	struct file_id id;
	char text[1024];

	make_file(f, "merged/etc/key");
	make_file(f, "lower/etc/key");
	make_directory(f, "upper");
	(void)snprintf(text, sizeof(text),
		       "27 1 254:0 / / rw - ext4 /dev/vda rw\n99 27 0:77 / %s/merged rw - overlay overlay "
		       "rw,lowerdir=/nowhere:%s/lower,upperdir=%s/upper,workdir=/w\n",
		       f->root, f->root, f->root);
	write_text(f->mountinfo, text);
	assert_int_equal(watchlist_update_mounts(f->list), 0);
	f->kernel.magic = 0x794c7630;
	load(f, "merged/etc/key");
	id = identity(f, "lower/etc/key");
	assert_non_null(fake_find(f->kernel.files, &id, 0));
	assert_string_equal(watchlist_find(f->list, &id)->path, at(f, "merged/etc/key"));
	assert_int_equal(statistics(f).files, 2);
	delete_file(f, "merged/etc/key");
	settle(f);
	assert_int_equal(statistics(f).files, 0);
	assert_int_equal(statistics(f).departed, 2);
}

/* ---------------------------------------------------------------- refused opens */

static int refused(struct watch_fixture *f, int dirfd, const char *path)
{
	size_t secret = 0;
	const char *named = NULL;
	int r = watchlist_refused(f->list, (uint32_t)getpid(), dirfd, path, strlen(path) + 1, false, &secret, &named);

	if (r <= 0)
		return r == 0 ? NO_SECRET : r;
	assert_non_null(named);
	return (int)secret;
}

static void tells_whether_a_refused_path_names_a_secret(void **state)
{
	struct watch_fixture *f = *state;
	char odd[PATH_MAX];
	int fd;

	make_file(f, "etc/shadow");
	make_file(f, "etc/plain");
	make_directory(f, "home/ann");
	make_link(f, "etc", "alias");
	make_link(f, "loop", "loop");
	load(f, "etc/shadow", "home/*/.ssh/id_*", "etc/gone");
	assert_int_equal(refused(f, AT_FDCWD, at(f, "etc/shadow")), 0);
	assert_int_equal(refused(f, AT_FDCWD, at(f, "alias/../etc/./shadow")), 0);
	assert_int_equal(refused(f, AT_FDCWD, at(f, "alias/shadow")), 0);
	assert_int_equal(refused(f, AT_FDCWD, at(f, "etc/plain")), NO_SECRET);
	assert_int_equal(refused(f, AT_FDCWD, at(f, "home/ann/.ssh/id_rsa")), 1);
	assert_int_equal(refused(f, AT_FDCWD, at(f, "home/none/.ssh/id_rsa")), 1);
	assert_int_equal(refused(f, AT_FDCWD, at(f, "home/ann/.ssh/config")), NO_SECRET);
	assert_int_equal(refused(f, AT_FDCWD, at(f, "alias/gone")), 2);
	(void)snprintf(odd, sizeof(odd), "/proc/self/root/proc/thread-self/root%s//etc/./gone", f->root);
	assert_int_equal(refused(f, AT_FDCWD, odd), 2);
	assert_int_equal(refused(f, AT_FDCWD, at(f, "etc/none/../gone")), -ENOENT);
	assert_int_equal(refused(f, AT_FDCWD, at(f, "etc/plain/gone")), -ENOENT);
	assert_int_equal(refused(f, AT_FDCWD, at(f, "loop")), -ELOOP);
	assert_int_equal(refused(f, AT_FDCWD, at(f, "home")), NO_SECRET);
	assert_int_equal(refused(f, AT_FDCWD, "/nowhere/at/all"), NO_SECRET);
	fd = open(at(f, "home"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(refused(f, fd, "ann/.ssh/id_x"), 1);
	assert_int_equal(refused(f, fd, "../etc/gone"), 2);
	assert_int_equal(refused(f, fd, "../../../../../../../../nowhere"), NO_SECRET);
	(void)close(fd);
	assert_true(refused(f, 9999, "shadow") < 0);
}

static bool filter_has(struct watch_fixture *f, enum name_filter_kind kind, const char *bytes)
{
	uint64_t hash = name_filter_hash(kind, bytes, strlen(bytes));

	for (size_t i = 0; i < f->kernel.filter_count; i++)
		if (f->kernel.filter[i] == hash)
			return true;
	return false;
}

static void tells_the_kernel_which_names_to_look_at(void **state)
{
	struct watch_fixture *f = *state;

	make_file(f, "run/token");
	load(f, "etc/shadow", "home/*/.ssh/id_*", "srv/*.pem", "run/**", "x/?y", "x/a*");
	assert_true(filter_has(f, NAME_FILTER_NAME, "shadow"));
	assert_true(filter_has(f, NAME_FILTER_PREFIX, "id_"));
	assert_true(filter_has(f, NAME_FILTER_SUFFIX, "pem"));
	assert_true(filter_has(f, NAME_FILTER_SUFFIX, "y"));
	assert_true(filter_has(f, NAME_FILTER_PREFIX, "a"));
	assert_true(filter_has(f, NAME_FILTER_NAME, "token"));
	assert_false(filter_has(f, NAME_FILTER_NAME, "home"));
	make_file(f, "run/other");
	settle(f);
	assert_true(filter_has(f, NAME_FILTER_NAME, "other"));
}

/* ---------------------------------------------------------------- size */

static void watches_a_large_tree(void **state)
{
	struct watch_fixture *f = *state;
	char path[64];

	/* Several batches, more files than descriptors. */
	for (int i = 0; i < 5; i++)
		for (int j = 0; j < 1000; j++) {
			(void)snprintf(path, sizeof(path), "t/%d/secret-%d", i, j);
			make_file(f, path);
		}
	load(f, "t/**");
	assert_int_equal(statistics(f).files, 5000);
	assert_int_equal(statistics(f).directories - statistics(f).scan.unwatched, statistics(f).directories);
	assert_int_equal(access_to(f, "t/4/secret-999"), 0);
}

#define watch_test(name) cmocka_unit_test_setup_teardown(name, watch_setup, watch_teardown)

/* ---------------------------------------------------------------- who marks by a descriptor */

struct marked {
	char path[PATH_MAX];
	uint32_t number, inside, below;
	bool is_set;
};

struct marking {
	struct marked files[32], directories[32];
	size_t files_count, directories_count;
	struct watch_fixture *fixture;
};

static void path_of_descriptor(int fd, char path[PATH_MAX])
{
	char link[32];
	ssize_t size;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	size = readlink(link, path, PATH_MAX - 1);
	assert_true(size > 0);
	path[size] = '\0';
}

static void mark_file(void *context, int fd, const struct file_id *id, uint32_t number)
{
	struct marking *marking = context;
	struct marked *file = &marking->files[marking->files_count++];

	assert_true(marking->files_count < 32);
	assert_true(id->ino != 0);
	path_of_descriptor(fd, file->path);
	file->number = number;
}

static void mark_directory(void *context, int fd, const char *path, uint32_t inside, uint32_t below)
{
	struct marking *marking = context;
	struct marked *directory = &marking->directories[marking->directories_count];

	if (!inside && !below)
		return;
	assert_true(++marking->directories_count < 32);
	path_of_descriptor(fd, directory->path);
	assert_string_equal(directory->path, path);
	directory->inside = inside;
	directory->below = below;
}

static void set_marked(void *context, const struct file_id *id, uint32_t number)
{
	struct marking *marking = context;

	/* Marked before it is said to be a secret. */
	assert_true(marking->files_count > 0);
	(void)id;
	marking->files[marking->files_count - 1].is_set = number != 0;
}

static void clear_marked(void *context, const struct file_id *id)
{
	struct marking *marking = context;

	(void)id;
	marking->files[marking->files_count++ - 1].is_set = false;
}

static const struct watch_marker marker = {
	.mark_file = mark_file, .mark_directory = mark_directory, .set_file = set_marked, .clear_file = clear_marked};

static void hands_what_it_finds_to_a_marker_while_it_has_it_open(void **state)
{
	struct watch_fixture *f = *state;
	struct marking marking = {.fixture = f};

	watchlist_free(f->list);
	f->options.marker = &marker;
	f->options.marker_context = &marking;
	assert_int_equal(watchlist_new(f->base, &fake_sink, &f->kernel, &f->options, &f->list), 0);
	make_directory(f, "any");
	make_directory(f, "tree/sub");
	make_directory(f, "some");
	make_file(f, "one");
	make_file(f, "some/a.key");
	make_file(f, "some/other");
	load(f, "one", "any/*", "tree/**", "some/*.key");
	assert_int_equal(marking.files_count, 2);
	for (size_t i = 0; i < 2; i++) {
		bool is_one = strcmp(marking.files[i].path, at(f, "one")) == 0;

		assert_true(is_one || strcmp(marking.files[i].path, at(f, "some/a.key")) == 0);
		assert_int_equal(marking.files[i].number, NUMBER(is_one ? 0 : 3));
	}
	/* Directories of which every file is one secret: not "some", where it depends on the name. */
	assert_int_equal(marking.directories_count, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct marked *directory = &marking.directories[i];
		bool is_any = strcmp(directory->path, at(f, "any")) == 0;

		assert_true(is_any || strncmp(directory->path, at(f, "tree"), strlen(at(f, "tree"))) == 0);
		assert_int_equal(directory->inside, is_any ? NUMBER(1) : directory->inside);
		assert_int_equal(directory->below, is_any ? 0 : NUMBER(2));
	}
	/* What comes later too, before the kernel's tables say so. */
	make_file(f, "any/new");
	settle(f);
	assert_int_equal(marking.files_count, 3);
	assert_string_equal(marking.files[2].path, at(f, "any/new"));
	assert_int_equal(marking.files[2].number, NUMBER(1));
	assert_true(marking.files[2].is_set);
	make_directory(f, "tree/new");
	settle(f);
	assert_int_equal(marking.directories_count, 4);
	assert_string_equal(marking.directories[3].path, at(f, "tree/new"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		watch_test(finds_files_of_every_kind_of_pattern),
		watch_test(knows_all_present_files_before_any_is_opened),
		watch_test(gives_path_and_secret_of_a_known_file),
		watch_test(leaves_out_what_is_excluded),
		watch_test(numbers_a_new_file_at_once_where_its_place_says_all),
		watch_test(numbers_no_new_file_that_may_be_excluded),
		watch_test(renumbers_files_when_their_secrets_change_places),
		watch_test(takes_the_first_secret_of_a_file_that_two_name),
		watch_test(counts_only_regular_files),
		watch_test(handles_names_of_any_bytes),
		watch_test(follows_paths_up_to_the_longest),
		watch_test(refuses_patterns_that_would_watch_the_whole_system),
		watch_test(sees_new_files_without_a_gap),
		watch_test(waits_for_directories_that_do_not_exist_yet),
		watch_test(follows_a_rename_over_the_secret),
		watch_test(follows_deletion_and_making_anew),
		watch_test(follows_a_directory_that_is_renamed_away_and_back),
		watch_test(sees_hard_links_by_their_inode),
		watch_test(makes_a_candidate_again_of_an_ignored_file_that_is_renamed),
		watch_test(ignores_by_the_parent_that_the_file_has),
		watch_test(judges_a_truncated_candidate_by_what_trees_allow),
		watch_test(refuses_malformed_candidates),
		watch_test(follows_a_linked_directory),
		watch_test(follows_a_link_to_a_file_and_its_target_that_comes_later),
		watch_test(does_not_make_a_tree_of_what_a_link_in_a_tree_leads_to),
		watch_test(survives_links_in_a_circle),
		watch_test(does_not_follow_another_users_link_to_what_is_not_theirs),
		watch_test(follows_the_rotation_of_a_kubernetes_volume),
		watch_test(watches_every_home_and_those_that_appear),
		watch_test(never_unwatches_what_stays_watched),
		watch_test(clears_its_tables_when_directories_go),
		watch_test(keeps_a_bounded_number_of_departed_files),
		watch_test(stays_within_its_limits),
		watch_test(looks_at_everything_again_after_lost_events),
		watch_test(looks_again_where_something_was_mounted),
		watch_test(finds_the_file_below_an_overlay),
		watch_test(tells_whether_a_refused_path_names_a_secret),
		watch_test(tells_the_kernel_which_names_to_look_at),
		watch_test(watches_a_large_tree),
		watch_test(follows_a_mount_over_a_watched_directory),
		watch_test(hands_what_it_finds_to_a_marker_while_it_has_it_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
