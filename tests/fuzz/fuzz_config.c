/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a config file: what is accepted must dump to a file that is accepted and dumps the same. */
#include <stdint.h>

#include "base/error.h"
#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *dump(const struct config *config, size_t *ret_size)
{
	char *text = NULL;
	FILE *stream = open_memstream(&text, ret_size);

	if (!stream || config_dump(config, stream) < 0)
		abort();
	(void)fclose(stream);
	return text;
}

static void check_round_trip(const struct config *config)
{
	struct config again;
	size_t size, size_again;
	char *text = dump(config, &size), *text_again;

	config_init(&again);
	if (config_load_text(&again, NULL, text, size, NULL) < 0)
		abort();
	text_again = dump(&again, &size_again);
	if (size != size_again || memcmp(text, text_again, size) != 0)
		abort();
	config_release(&again);
	free(text);
	free(text_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config;
	struct error error = {.text = ""};

	config_init(&config);
	if (config_load_text(&config, "input", (const char *)data, size, &error) == 0)
		check_round_trip(&config);
	else if (error.text[0] == '\0')
		abort();
	config_release(&config);
	return 0;
}
