/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.c: runs a fuzz target over files, for compilers without libFuzzer and for `make check`.
 *
 * usage: fuzz_NAME FILE|DIRECTORY...   (directories: each file directly inside). Exits 2 when nothing could be run.
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/file.h"

#ifndef FUZZER /* libFuzzer brings its own main */

#define INPUT_MAX (16UL * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t ran;

static int run_file(const char *path)
{
	struct buffer text = BUFFER_INIT(INPUT_MAX);
	uint8_t *copy;
	int r;

	r = file_read(path, &text, NULL);
	if (r < 0) {
		(void)fprintf(stderr, "%s: %s\n", path, strerror(-r));
		buffer_release(&text);
		return r;
	}
	/* Of exactly its size, so that a sanitizer sees the first byte read past the end. */
	copy = malloc(text.size > 0 ? text.size : 1);
	if (copy) {
		if (text.size > 0)
			memcpy(copy, text.data, text.size);
		(void)LLVMFuzzerTestOneInput(copy, text.size);
		ran++;
	}
	free(copy);
	buffer_release(&text);
	return copy ? 0 : -1;
}

static int run_directory(const char *path)
{
	DIR *directory = opendir(path);
	int r = 0;

	if (!directory) {
		perror(path);
		return -1;
	}
	for (const struct dirent *entry = readdir(directory); r == 0 && entry; entry = readdir(directory)) {
		char name[PATH_MAX];

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		r = run_file(name);
	}
	(void)closedir(directory);
	return r;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat st;
		int r;

		r = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode) ? run_directory(argv[i]) : run_file(argv[i]);
		if (r < 0)
			return 2;
	}
	if (ran == 0) {
		(void)fprintf(stderr, "usage: %s FILE|DIRECTORY... (nothing to run there)\n", argv[0]);
		return 2;
	}
	(void)printf("%zu inputs\n", ran);
	return 0;
}

#endif
