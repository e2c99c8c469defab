/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * formats.h - the forms that the option takes on the wire.
 *
 * The same rows, in the same order, as lib/toa/registry.ts. Needs no kernel
 * header: the fuzzer and the golden vectors run it in user space.
 */
#ifndef _TOA_FORMATS_H
#define _TOA_FORMATS_H

enum {
	TOA_FORMAT_V4,
	TOA_FORMAT_V6,
	TOA_FORMAT_V6_253,
	TOA_FORMAT_V4_253,
	TOA_FORMAT_VIP_253_V4,
	TOA_FORMAT_VIP_253_V6,
	TOA_FORMAT_V4_200,
	TOA_FORMAT_V6_201,
	TOA_FORMAT_V4_252,
	TOA_FORMAT_VTOA_252,
	TOA_FORMAT_VTOA_250,
	TOA_FORMAT_VTOA_249,
	TOA_FORMAT_254_16,
	TOA_FORMAT_CDN_28_V4,
	TOA_FORMAT_CDN_28_V6,
	TOA_FORMATS
};

/* Where an endpoint stands, counted from the option's first byte; 0: not there */
struct toa_field {
	unsigned char	port;
	unsigned char	address;
	unsigned char	family;		/* 4 or 6 */
};

struct toa_format {
	const char		*name;
	unsigned char		kind;
	unsigned char		length;		/* kind and length included */
	unsigned char		version_at;	/* 0: no version byte */
	unsigned char		version;
	unsigned char		vpc_at;		/* 0: no virtual network */
	unsigned char		vpc_bytes;
	unsigned char		completes;	/* TOA_FORMAT_V4 and up, plus one */
	struct toa_field	client;
	struct toa_field	vip;
};

extern const struct toa_format toa_formats[TOA_FORMATS];

#define TOA_FORMATS_DEFAULT	(1U << TOA_FORMAT_V4 | 1U << TOA_FORMAT_V6)

/* Room for every name and a comma behind each */
#define TOA_FORMATS_TEXT	256

int toa_formats_parse(const char *text, unsigned long length,
		      unsigned int *formats);
unsigned long toa_formats_print(unsigned int formats, char *text);

#endif /* _TOA_FORMATS_H */
