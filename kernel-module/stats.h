/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats.h - counters of a network namespace, one set for each CPU.
 */
#ifndef _TOA_STATS_H
#define _TOA_STATS_H

#include <linux/percpu.h>

struct net;

/* The first eight are those of earlier receivers, in their order. */
#define TOA_STATS(X)					\
	X(SYN_RECV_SOCK_TOA, "syn_recv_sock_toa")	\
	X(SYN_RECV_SOCK_NO_TOA, "syn_recv_sock_no_toa")	\
	X(GETNAME_TOA_OK, "getname_toa_ok")		\
	X(GETNAME_TOA_MISMATCH, "getname_toa_mismatch")	\
	X(GETNAME_TOA_BYPASS, "getname_toa_bypass")	\
	X(GETNAME_TOA_EMPTY, "getname_toa_empty")	\
	X(IP6_ADDRESS_ALLOC, "ip6_address_alloc")	\
	X(IP6_ADDRESS_FREE, "ip6_address_free")		\
	X(ENTRY_ALLOC, "toa_entry_alloc")		\
	X(ENTRY_FREE, "toa_entry_free")			\
	X(FOUND_ON_SYN, "toa_found_on_syn")		\
	X(FOUND_ON_ACK, "toa_found_on_ack")		\
	X(FOUND_ON_DATA, "toa_found_on_data")		\
	X(UNTRUSTED, "toa_untrusted")			\
	X(MALFORMED, "toa_malformed")			\
	X(DUPLICATE, "toa_duplicate")			\
	X(FAST_OPEN, "toa_fast_open")			\
	X(FAST_OPEN_NO_TOA, "toa_fast_open_no_toa")	\
	X(TABLE_FULL, "toa_table_full")			\
	X(NO_MEMORY, "toa_no_memory")			\
	X(RECORD_READ, "toa_record_read")		\
	X(IMPLAUSIBLE, "toa_implausible")

enum toa_stat {
#define X(name, text) TOA_STAT_##name,
	TOA_STATS(X)
#undef X
	TOA_STAT_COUNT
};

struct toa_stats {
	unsigned long	count[TOA_STAT_COUNT];
};

int toa_stats_proc_create(struct net *net);
void toa_stats_proc_remove(struct net *net);

#endif /* _TOA_STATS_H */
