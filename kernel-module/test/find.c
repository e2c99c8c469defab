// SPDX-License-Identifier: GPL-2.0-only
/*
 * find.c - the parser as a filter, for tests in other languages.
 *
 * Each line of input is "FORMATS HEADER", names with commas and hex; each line
 * of output has, with blanks between:
 *
 *   refusal kind length offset duplicates format client vip vpc plausible
 *
 * refusal and format are numbers of parse.h and formats.h; client and vip are
 * "family/port/address", the address in hex; vpc is a number or a dash; plausible
 * is 1 or 0. Nothing from format on where none is found.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../formats.h"
#include "../parse.h"

#define HEADER	4096

static void print_address(const struct toa_address *address)
{
	int i;

	printf(" %u/%u/", address->family, address->port[0] << 8 | address->port[1]);
	for (i = 0; i < (address->family == 4 ? 4 : address->family == 6 ? 16 : 0); i++)
		printf("%02x", address->bytes[i]);
}

static void print_finding(const struct toa_finding *finding)
{
	const struct toa_option *option = &finding->option;

	printf("%d %u %u %u %u", finding->refusal, finding->kind, finding->length,
	       finding->offset, finding->duplicates);
	if (finding->refusal == TOA_FOUND) {
		printf(" %u", option->format);
		print_address(&option->client);
		print_address(&option->vip);
		if (option->has_vpc)
			printf(" %u", option->vpc_id);
		else
			printf(" -");
		printf(" %d", toa_is_plausible(option));
	}
	putchar('\n');
}

static void find(const char *names, const char *hex)
{
	unsigned long length = strlen(hex) / 2, i;
	/* of exactly this length, for the sanitizers to see a byte too many */
	unsigned char *header = malloc(length ? length : 1);
	struct toa_finding finding;
	unsigned int formats, byte;

	if (!header || toa_formats_parse(names, strlen(names), &formats)) {
		fprintf(stderr, "formats: given %s, wanted names that do not collide\n", names);
		exit(2);
	}
	for (i = 0; i < length && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++)
		header[i] = byte;
	toa_find(header, length, formats, &finding);
	print_finding(&finding);
	free(header);
}

int main(void)
{
	char names[1024], hex[2 * HEADER + 1];
	char line[sizeof(names) + sizeof(hex)];

	while (fgets(line, sizeof(line), stdin)) {
		hex[0] = '\0';
		if (sscanf(line, "%1023s %8192s", names, hex) < 1)
			continue;
		find(names, hex);
	}
	return 0;
}
