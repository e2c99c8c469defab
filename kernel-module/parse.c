// SPDX-License-Identifier: GPL-2.0-only
/*
 * parse.c - finds the option in a TCP header that anybody may have written.
 */
#include "formats.h"
#include "parse.h"

#define MINIMAL_HEADER	20U
#define DATA_OFFSET	12

#define END_OF_OPTIONS	0
#define NO_OPERATION	1

static void read_address(const unsigned char *option,
			 const struct toa_field *field,
			 struct toa_address *address)
{
	address->family = field->family;
	if (field->port)
		__builtin_memcpy(address->port, option + field->port, 2);
	if (field->address)
		__builtin_memcpy(address->bytes, option + field->address,
				 field->family == 4 ? 4 : 16);
}

static void read_option(const unsigned char *option, unsigned int index,
			struct toa_option *read)
{
	const struct toa_format *format = &toa_formats[index];
	unsigned int i;

	__builtin_memset(read, 0, sizeof(*read));
	read->kind = format->kind;
	read->length = format->length;
	read->format = index;
	read_address(option, &format->client, &read->client);
	read_address(option, &format->vip, &read->vip);
	read->has_vpc = format->vpc_at != 0;
	for (i = 0; i < format->vpc_bytes; i++)
		read->vpc_id = read->vpc_id << 8 | option[format->vpc_at + i];
}

/* The index of the format, or why there is none. TOA_NONE: not our kind. */
static enum toa_refusal match(const unsigned char *option, unsigned int formats,
			      unsigned int *index)
{
	enum toa_refusal refusal = TOA_NONE;
	const struct toa_format *format;

	for (; formats; formats &= formats - 1) {
		*index = __builtin_ctz(formats);
		format = &toa_formats[*index];
		if (format->kind != option[0])
			continue;
		refusal = TOA_WRONG_LENGTH;
		if (format->length != option[1])
			continue;
		if (format->version_at &&
		    option[format->version_at] != format->version)
			return TOA_WRONG_VERSION;
		return TOA_FOUND;
	}
	return refusal;
}

static void refuse(struct toa_finding *finding, enum toa_refusal refusal,
		   unsigned int kind, unsigned int length, unsigned int offset)
{
	if (finding->refusal != TOA_NONE)
		return;
	finding->refusal = refusal;
	finding->kind = kind;
	finding->length = length;
	finding->offset = offset;
}

static void accept(struct toa_finding *finding, const unsigned char *header,
		   unsigned int offset, unsigned int index)
{
	const struct toa_format *format = &toa_formats[index];
	struct toa_option *option = &finding->option;

	if (finding->refusal != TOA_FOUND) {
		read_option(header + offset, index, option);
		finding->refusal = TOA_FOUND;
		finding->kind = format->kind;
		finding->length = format->length;
		finding->offset = offset;
	} else if (format->completes == option->format + 1 &&
		   offset == finding->offset + finding->length) {
		read_address(header + offset, &format->vip, &option->vip);
	} else {
		finding->duplicates++;
	}
}

/**
 * toa_find - looks for an option of an accepted format
 * @header: a TCP header from its source port on; may be anything
 * @length: of the bytes at @header; those behind the header are not read
 * @formats: a set without collisions (formats.c)
 * @finding: the first valid option, completed by its VIP if that stands
 *	directly behind; or the first reason why there is none
 *
 * The same rules as lib/toa/find.ts: stops at the first option whose length
 * cannot be right, keeping what was found before it.
 */
void toa_find(const unsigned char *header, unsigned long length,
	      unsigned int formats, struct toa_finding *finding)
{
	unsigned int offset = MINIMAL_HEADER, end, kind, size, index;
	enum toa_refusal refusal;

	finding->refusal = TOA_NONE;
	finding->kind = 0;
	finding->length = 0;
	finding->offset = 0;
	finding->duplicates = 0;

	if (length < MINIMAL_HEADER) {
		finding->refusal = TOA_TRUNCATED_HEADER;
		return;
	}
	end = (header[DATA_OFFSET] >> 4) * 4U;
	if (end < MINIMAL_HEADER) {
		finding->refusal = TOA_BAD_DATA_OFFSET;
		return;
	}
	if (end > length)
		end = length;

	while (offset < end) {
		kind = header[offset];
		if (kind == END_OF_OPTIONS)
			return;
		if (kind == NO_OPERATION) {
			offset++;
			continue;
		}
		size = offset + 1 < end ? header[offset + 1] : 0;
		if (offset + 1 >= end || offset + size > end) {
			refuse(finding, TOA_TRUNCATED_OPTION, kind, size, offset);
			return;
		}
		if (size < 2) {
			refuse(finding, TOA_BAD_LENGTH, kind, size, offset);
			return;
		}
		refusal = match(header + offset, formats, &index);
		if (refusal == TOA_FOUND)
			accept(finding, header, offset, index);
		else if (refusal != TOA_NONE)
			refuse(finding, refusal, kind, size, offset);
		offset += size;
	}
}

/*
 * 0.0.0.0/8 is "this network", 127.0.0.0/8 never leaves a host (RFC 1122,
 * 3.2.1.3); from 224 on come multicast, reserved and broadcast.
 */
static int is_unicast_v4(const unsigned char *address)
{
	return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

/* Not multicast, nor :: or ::1, nor one of those of IPv4 as a mapped address. */
static int is_unicast_v6(const unsigned char *address)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const unsigned char zeros[15];

	if (!__builtin_memcmp(address, mapped, sizeof(mapped)))
		return is_unicast_v4(address + sizeof(mapped));
	if (!__builtin_memcmp(address, zeros, sizeof(zeros)) && address[15] <= 1)
		return 0;
	return address[0] != 0xff;
}

/**
 * toa_is_plausible - whether the client of an option can be there at all
 * @option: as toa_find() found it
 *
 * No unspecified, loopback, multicast or broadcast address, and no port 0 where
 * the option carries a port: the same as lib/toa/plausible.ts, which says
 * why. An option that names no client has none that could not be.
 */
int toa_is_plausible(const struct toa_option *option)
{
	const struct toa_address *client = &option->client;
	int carries_port = toa_formats[option->format].client.port;

	if (!client->family)
		return 1;
	if (carries_port && !client->port[0] && !client->port[1])
		return 0;
	return client->family == 4 ? is_unicast_v4(client->bytes)
				   : is_unicast_v6(client->bytes);
}
