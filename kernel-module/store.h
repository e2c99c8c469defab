/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.h - what is known of the connections that came with an option.
 *
 * A hash table keyed by socket, read under RCU. The memory of a socket is used
 * again for others, so an entry also holds the namespace and the 4-tuple, and
 * one that does not fit the socket is none.
 */
#ifndef _TOA_STORE_H
#define _TOA_STORE_H

#include <linux/hash.h>
#include <linux/rculist.h>
#include <net/inet_sock.h>
#include "parse.h"

struct toa_entry {
	struct hlist_node	by_socket;
	struct hlist_node	by_tuple;	/* subflows of MPTCP */
	const struct sock	*sk;
	const struct net	*net;
	struct in6_addr		peer;		/* the balancer; IPv4 as mapped */
	struct in6_addr		local;
	__be16			peer_port;
	__be16			local_port;
	u16			flags;		/* TOA_FOUND_ON_... of uapi/toa.h */
	struct toa_option	option;
	struct rcu_head		rcu;
};

/*
 * 1 MiB. Of a fixed size, which every getpeername() of the machine saves some
 * instructions by; 8 entries to a bucket with the default of max_entries.
 */
#define TOA_STORE_BITS	17
extern struct hlist_head toa_store_by_socket[1 << TOA_STORE_BITS];

/* Sockets of IPv4 hold their addresses as mapped ones too (sk_daddr_set). */
static inline bool toa_entry_fits(const struct toa_entry *entry,
				  const struct sock *sk)
{
	return entry->net == sock_net(sk) &&
	       entry->peer_port == inet_sk(sk)->inet_dport &&
	       entry->local_port == inet_sk(sk)->inet_sport &&
	       ipv6_addr_equal(&entry->peer, &sk->sk_v6_daddr) &&
	       ipv6_addr_equal(&entry->local, &sk->sk_v6_rcv_saddr);
}

static __always_inline struct hlist_head *toa_store_bucket(const struct sock *sk)
{
	return &toa_store_by_socket[hash_ptr((void *)sk, TOA_STORE_BITS)];
}

/* The entry keyed by this socket, fitting or not. Under RCU. */
static inline struct toa_entry *toa_store_of(const struct sock *sk,
					     const struct hlist_head *bucket)
{
	struct toa_entry *entry;

	hlist_for_each_entry_rcu(entry, bucket, by_socket)
		if (entry->sk == sk)
			return entry;
	return NULL;
}

struct toa_entry *toa_store_of_mptcp(const struct sock *sk);

/* The same; that of the subflow for a socket of MPTCP. Under RCU. */
static inline struct toa_entry *toa_store_search(const struct sock *sk,
						 const struct hlist_head *bucket)
{
	if (unlikely(sk->sk_protocol == IPPROTO_MPTCP))
		return toa_store_of_mptcp(sk);
	return toa_store_of(sk, bucket);
}

/* The entry of a connected socket, or NULL. Under RCU. */
static inline struct toa_entry *toa_store_find(const struct sock *sk)
{
	struct toa_entry *entry = toa_store_search(sk, toa_store_bucket(sk));

	return entry && toa_entry_fits(entry, sk) ? entry : NULL;
}

int toa_store_insert(const struct sock *sk, const struct toa_option *option,
		     u16 flags);
void toa_store_remove(const struct sock *sk);
void toa_store_forget_net(const struct net *net);

int toa_store_init(void);
void toa_store_exit(void);

#endif /* _TOA_STORE_H */
