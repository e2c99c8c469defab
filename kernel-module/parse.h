/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parse.h - the option in a TCP header.
 *
 * Needs no kernel header: the fuzzer and the golden vectors of
 * test/vectors/toa-options.json run it in user space.
 */
#ifndef _TOA_PARSE_H
#define _TOA_PARSE_H

/* Bytes as on the wire: of the address in front, IPv4 in the first four */
struct toa_address {
	unsigned char	bytes[16];
	unsigned char	port[2];
	unsigned char	family;		/* 4, 6, or 0: not said */
	unsigned char	reserved;
};

/* What an option said */
struct toa_option {
	struct toa_address	client;
	struct toa_address	vip;
	unsigned int		vpc_id;		/* 0: none */
	unsigned char		kind;
	unsigned char		length;
	unsigned char		has_vpc;
	unsigned char		format;		/* index in toa_formats */
};

/* Why there is no option; of several reasons the first */
enum toa_refusal {
	TOA_FOUND,
	TOA_NONE,
	TOA_TRUNCATED_HEADER,
	TOA_BAD_DATA_OFFSET,
	TOA_BAD_LENGTH,
	TOA_TRUNCATED_OPTION,
	TOA_WRONG_LENGTH,
	TOA_WRONG_VERSION,
};

struct toa_finding {
	struct toa_option	option;
	enum toa_refusal	refusal;
	unsigned char		kind;		/* of the option found or refused */
	unsigned char		length;
	unsigned char		offset;
	unsigned char		duplicates;
};

void toa_find(const unsigned char *header, unsigned long length,
	      unsigned int formats, struct toa_finding *finding);
int toa_is_plausible(const struct toa_option *option);

#endif /* _TOA_PARSE_H */
