// SPDX-License-Identifier: GPL-2.0-only
/*
 * formats.c - the table of formats, and sets of them by name.
 *
 * A set is a bit mask. No two members of a set have the same kind and length:
 * nothing on the wire would tell them apart.
 */
#include "formats.h"

#define CLIENT_V4	{ .port = 2, .address = 4, .family = 4 }
#define CLIENT_V6	{ .port = 2, .address = 4, .family = 6 }

const struct toa_format toa_formats[TOA_FORMATS] = {
	[TOA_FORMAT_V4] = {
		.name = "toa-v4", .kind = 254, .length = 8,
		.client = CLIENT_V4,
	},
	[TOA_FORMAT_V6] = {
		.name = "toa-v6", .kind = 254, .length = 20,
		.client = CLIENT_V6,
	},
	[TOA_FORMAT_V6_253] = {
		.name = "toa-v6-253", .kind = 253, .length = 20,
		.client = CLIENT_V6,
	},
	[TOA_FORMAT_V4_253] = {
		.name = "toa-v4-253", .kind = 253, .length = 8,
		.client = CLIENT_V4,
	},
	[TOA_FORMAT_VIP_253_V4] = {
		.name = "vip-253-v4", .kind = 253, .length = 8,
		.vip = CLIENT_V4,
	},
	[TOA_FORMAT_VIP_253_V6] = {
		.name = "vip-253-v6", .kind = 253, .length = 20,
		.vip = CLIENT_V6,
	},
	[TOA_FORMAT_V4_200] = {
		.name = "toa-v4-200", .kind = 200, .length = 8,
		.client = CLIENT_V4,
	},
	[TOA_FORMAT_V6_201] = {
		.name = "toa-v6-201", .kind = 201, .length = 20,
		.client = CLIENT_V6,
	},
	[TOA_FORMAT_V4_252] = {
		.name = "toa-v4-252", .kind = 252, .length = 8,
		.client = CLIENT_V4,
	},
	[TOA_FORMAT_VTOA_252] = {
		.name = "vtoa-252", .kind = 252, .length = 20,
		.client = CLIENT_V4,
		.vpc_at = 8, .vpc_bytes = 4,
		/* here alone the port follows its address */
		.vip = { .address = 12, .port = 16, .family = 4 },
	},
	[TOA_FORMAT_VTOA_250] = {
		.name = "vtoa-250", .kind = 250, .length = 8,
		.completes = TOA_FORMAT_V4 + 1,
		.vip = CLIENT_V4,
	},
	[TOA_FORMAT_VTOA_249] = {
		.name = "vtoa-249", .kind = 249, .length = 40,
		.client = CLIENT_V6,
		.vpc_at = 20, .vpc_bytes = 3,
		.vip = { .address = 24, .family = 6 },
	},
	[TOA_FORMAT_254_16] = {
		.name = "toa-254-16", .kind = 254, .length = 16,
		.client = CLIENT_V4,
		.vip = { .port = 10, .address = 12, .family = 4 },
	},
	[TOA_FORMAT_CDN_28_V4] = {
		.name = "cdn-28-v4", .kind = 28, .length = 7,
		.version_at = 2, .version = 1,
		.client = { .address = 3, .family = 4 },
	},
	[TOA_FORMAT_CDN_28_V6] = {
		.name = "cdn-28-v6", .kind = 28, .length = 19,
		.version_at = 2, .version = 1,
		.client = { .address = 3, .family = 6 },
	},
};

#define VIP_253	(1U << TOA_FORMAT_VIP_253_V4 | 1U << TOA_FORMAT_VIP_253_V6)
#define CDN_28	(1U << TOA_FORMAT_CDN_28_V4 | 1U << TOA_FORMAT_CDN_28_V6)

static const struct {
	const char	*name;
	unsigned int	formats;
} groups[] = {
	{ "default", TOA_FORMATS_DEFAULT },
	/* without those that collide with clients of kind 253 */
	{ "all", ((1U << TOA_FORMATS) - 1) & ~VIP_253 },
	{ "vip-253", VIP_253 },
	{ "cdn-28", CDN_28 },
};

static int is_name(const char *name, const char *text, unsigned long length)
{
	return __builtin_strlen(name) == length &&
	       __builtin_memcmp(name, text, length) == 0;
}

static unsigned int by_name(const char *text, unsigned long length)
{
	unsigned int i;

	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (is_name(groups[i].name, text, length))
			return groups[i].formats;
	for (i = 0; i < TOA_FORMATS; i++)
		if (is_name(toa_formats[i].name, text, length))
			return 1U << i;
	return 0;
}

static int has_collision(unsigned int formats)
{
	unsigned int i, j;

	for (i = 0; i < TOA_FORMATS; i++)
		for (j = 0; j < i; j++)
			if ((formats >> i & 1) && (formats >> j & 1) &&
			    toa_formats[i].kind == toa_formats[j].kind &&
			    toa_formats[i].length == toa_formats[j].length)
				return 1;
	return 0;
}

static int is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\0';
}

/**
 * toa_formats_parse - a set from names between commas or white space
 * @text: the names; no 0 byte has to be behind
 * @length: of @text
 * @formats: where to write the set
 *
 * Names of formats, or the groups default, all, vip-253, cdn-28. Returns 0, or
 * -1 for an unknown name, formats that collide, or no name at all; the set is
 * written on success only.
 */
int toa_formats_parse(const char *text, unsigned long length,
		      unsigned int *formats)
{
	unsigned int set = 0, named;
	unsigned long at = 0, start;

	while (at < length) {
		if (is_separator(text[at])) {
			at++;
			continue;
		}
		start = at;
		while (at < length && !is_separator(text[at]))
			at++;
		named = by_name(text + start, at - start);
		if (!named)
			return -1;
		set |= named;
	}
	if (!set || has_collision(set))
		return -1;
	*formats = set;
	return 0;
}

/**
 * toa_formats_print - the names, with commas, and a 0 byte behind
 * @formats: a set
 * @text: with room for TOA_FORMATS_TEXT bytes
 *
 * Returns their length.
 */
unsigned long toa_formats_print(unsigned int formats, char *text)
{
	unsigned long length = 0, name;
	unsigned int i;

	for (i = 0; i < TOA_FORMATS; i++) {
		if (!(formats >> i & 1))
			continue;
		if (length)
			text[length++] = ',';
		name = __builtin_strlen(toa_formats[i].name);
		__builtin_memcpy(text + length, toa_formats[i].name, name);
		length += name;
	}
	text[length] = '\0';
	return length;
}
