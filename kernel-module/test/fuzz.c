// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz.c - libFuzzer's way into the parser.
 *
 * The first two bytes are the set of formats, in the order of formats.h; a set
 * that collides is made the default. Behind them stands a TCP header, which is
 * also read as text that names formats.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../formats.h"
#include "../parse.h"

#define MUST(condition)	do { if (!(condition)) abort(); } while (0)

/* Whether a set is sound; what is printed of one that is reads as that set. */
static int survives_printing(unsigned int formats)
{
	char text[TOA_FORMATS_TEXT];
	unsigned long length = toa_formats_print(formats, text);
	unsigned int again;

	MUST(length < sizeof(text) && text[length] == '\0');
	if (toa_formats_parse(text, length, &again))
		return 0;
	MUST(again == formats);
	return 1;
}

static void check_found(const struct toa_finding *finding, const uint8_t *header,
			size_t length, unsigned int formats)
{
	const struct toa_format *format = &toa_formats[finding->option.format];

	MUST(formats >> finding->option.format & 1);
	MUST(finding->offset >= 20 && finding->offset + finding->length <= length);
	MUST(finding->offset + finding->length <= (header[12] >> 4) * 4);
	MUST(header[finding->offset] == format->kind);
	MUST(header[finding->offset + 1] == format->length);
	MUST(finding->length == format->length);
	MUST(finding->option.client.family == format->client.family);
	MUST(finding->duplicates < 40 / 7);
	/* 0.0.0.0/8 is nobody's */
	MUST(finding->option.client.family != 4 || finding->option.client.bytes[0] ||
	     !toa_is_plausible(&finding->option));
}

static void find(const uint8_t *bytes, size_t length, unsigned int formats)
{
	/* of exactly this length, for the sanitizers to see a byte too many */
	uint8_t *header = malloc(length ? length : 1);
	struct toa_finding finding;

	MUST(header);
	memcpy(header, bytes, length);
	toa_find(header, length, formats, &finding);
	if (finding.refusal == TOA_FOUND)
		check_found(&finding, header, length, formats);
	else
		MUST(finding.duplicates == 0);
	free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int formats;

	if (size < 2)
		return 0;
	formats = (data[0] << 8 | data[1]) & ((1U << TOA_FORMATS) - 1);
	if (!survives_printing(formats))
		formats = TOA_FORMATS_DEFAULT;
	find(data + 2, size - 2, formats);

	if (toa_formats_parse((const char *)data + 2, size - 2, &formats) == 0)
		MUST(survives_printing(formats));
	return 0;
}
