// SPDX-License-Identifier: GPL-2.0-only
/*
 * trust.c - a list of address blocks, read whole or not at all.
 *
 * Anybody who reaches a port can write a TCP option, so only balancers are
 * believed, and nobody as long as none are named.
 */
#include "trust.h"
#include "netns.h"

#include <linux/ctype.h>
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <net/ipv6.h>

struct block {
	struct in6_addr	address;	/* IPv4 as mapped */
	u8		prefix;		/* 0 to 128 */
};

struct toa_trust {
	struct rcu_head	rcu;
	char		*text;		/* as it was written, with commas between */
	unsigned int	count;
	struct block	blocks[TOA_TRUST_RULES];
};

/* The same as privateBlocks in lib/receiver/trust.ts. */
static const char *const private_blocks[] = {
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
	"127.0.0.0/8", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10",
};

static bool has_host_bits(const struct block *block)
{
	struct in6_addr network;

	ipv6_addr_prefix(&network, &block->address, block->prefix);
	return !ipv6_addr_equal(&network, &block->address);
}

/* An address, or one with a slash and a prefix. */
static int parse_block(const char *word, size_t length, struct block *block)
{
	unsigned int most, prefix;
	const char *end;
	char digits[4];
	__be32 v4;

	if (in4_pton(word, length, (u8 *)&v4, '/', &end)) {
		ipv6_addr_set_v4mapped(v4, &block->address);
		most = 32;
	} else if (in6_pton(word, length, block->address.s6_addr, '/', &end)) {
		most = 128;
	} else {
		return -EINVAL;
	}

	prefix = most;
	length -= end - word;
	if (length) {
		end++;		/* the slash */
		length--;
		if (!length || length >= sizeof(digits) || !isdigit(*end))
			return -EINVAL;
		memcpy(digits, end, length);
		digits[length] = '\0';
		if (kstrtouint(digits, 10, &prefix) || prefix > most)
			return -EINVAL;
	}
	block->prefix = prefix + 128 - most;
	return has_host_bits(block) ? -EINVAL : 0;
}

static int add_block(struct toa_trust *trust, const char *word, size_t length)
{
	if (trust->count == TOA_TRUST_RULES)
		return -EINVAL;
	return parse_block(word, length, &trust->blocks[trust->count++]);
}

static int add_word(struct toa_trust *trust, const char *word, size_t length)
{
	unsigned int i;
	int err;

	if (length != strlen("private") || strncmp(word, "private", length))
		return add_block(trust, word, length);

	for (i = 0; i < ARRAY_SIZE(private_blocks); i++) {
		err = add_block(trust, private_blocks[i], strlen(private_blocks[i]));
		if (err)
			return err;
	}
	return 0;
}

static bool is_separator(char c)
{
	return c == ',' || isspace(c) || c == '\0';
}

static int add_words(struct toa_trust *trust, const char *text, size_t length)
{
	size_t at = 0, start, written = 0;
	int err;

	for (;;) {
		while (at < length && is_separator(text[at]))
			at++;
		if (at == length)
			break;
		for (start = at; at < length && !is_separator(text[at]); at++)
			;
		err = add_word(trust, text + start, at - start);
		if (err)
			return err;
		if (written)
			trust->text[written++] = ',';
		memcpy(trust->text + written, text + start, at - start);
		written += at - start;
	}
	trust->text[written] = '\0';
	return 0;
}

/**
 * toa_trust_parse - CIDR blocks, addresses or "private", between commas or white space
 * @text: as an administrator wrote it; no 0 byte has to be behind
 * @length: of @text
 *
 * Returns an ERR_PTR: -EINVAL for anything else, for bits set behind a prefix,
 * for more than TOA_TRUST_RULES blocks or TOA_TRUST_TEXT bytes; -ENOMEM.
 */
struct toa_trust *toa_trust_parse(const char *text, size_t length)
{
	struct toa_trust *trust;
	int err = -ENOMEM;

	if (length > TOA_TRUST_TEXT)
		return ERR_PTR(-EINVAL);
	trust = kzalloc(sizeof(*trust), GFP_KERNEL);
	if (!trust)
		return ERR_PTR(-ENOMEM);
	/* words shrink to one separator each: never longer than what was given */
	trust->text = kmalloc(length + 1, GFP_KERNEL);
	if (trust->text)
		err = add_words(trust, text, length);
	if (err) {
		kfree(trust->text);
		kfree(trust);
		return ERR_PTR(err);
	}
	return trust;
}

static void free_after_readers(struct rcu_head *rcu)
{
	struct toa_trust *trust = container_of(rcu, struct toa_trust, rcu);

	kfree(trust->text);
	kfree(trust);
}

void toa_trust_free(struct toa_trust *trust)
{
	if (trust)
		call_rcu(&trust->rcu, free_after_readers);
}

const char *toa_trust_text(const struct toa_trust *trust)
{
	return trust ? trust->text : "";
}

/* A block of IPv6 such as ::/0 says nothing of IPv4, though that is kept as mapped. */
static bool includes(const struct block *block, const struct in6_addr *peer)
{
	return ipv6_prefix_equal(&block->address, peer, block->prefix) &&
	       (block->prefix >= 96 || !ipv6_addr_v4mapped(peer));
}

/* Under RCU. */
bool toa_trust_includes(const struct toa_net *tn, const struct in6_addr *peer)
{
	const struct toa_trust *trust = rcu_dereference(tn->trust);
	unsigned int i;

	if (!trust)
		return false;
	for (i = 0; i < trust->count; i++)
		if (includes(&trust->blocks[i], peer))
			return true;
	return false;
}
