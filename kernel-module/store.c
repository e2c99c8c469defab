// SPDX-License-Identifier: GPL-2.0-only
/*
 * store.c - entries: made when a connection is, gone when its socket is.
 */
#include "store.h"
#include "netns.h"

#include <linux/jhash.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/mptcp.h>

static unsigned int max_entries = 1U << 20;
module_param(max_entries, uint, 0444);
MODULE_PARM_DESC(max_entries, "connections with an option that are remembered at a time (1024 to 4194304)");

#define LOCKS	256

#define TUPLE_BITS	12

struct hlist_head toa_store_by_socket[1 << TOA_STORE_BITS];

static struct hlist_head by_tuple[1 << TUPLE_BITS];
static u32 tuple_seed;
static spinlock_t locks[LOCKS];
static DEFINE_SPINLOCK(tuple_lock);	/* inside one of locks */
static struct kmem_cache *cache;
static atomic_t known = ATOMIC_INIT(0);	/* entries that can be found */
static atomic_t live = ATOMIC_INIT(0);	/* entries whose memory is not given back */

static u32 tuple_bucket(const struct in6_addr *peer, __be16 peer_port,
			const struct in6_addr *local, __be16 local_port)
{
	u32 ports = (__force u32)peer_port << 16 | (__force u32)local_port;
	u32 hash = jhash2((const u32 *)peer, 4, tuple_seed ^ ports);

	return jhash2((const u32 *)local, 4, hash) >> (32 - TUPLE_BITS);
}

static u32 socket_bucket(const struct sock *sk)
{
	return hash_ptr((void *)sk, TOA_STORE_BITS);
}

/*
 * The socket that a program has of an MPTCP connection is not the one that was
 * made for the handshake; it has the same addresses.
 */
struct toa_entry *toa_store_of_mptcp(const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);
	struct toa_entry *entry;
	u32 bucket = tuple_bucket(&sk->sk_v6_daddr, inet->inet_dport,
				  &sk->sk_v6_rcv_saddr, inet->inet_sport);

	hlist_for_each_entry_rcu(entry, &by_tuple[bucket], by_tuple)
		if (toa_entry_fits(entry, sk))
			return entry;
	return NULL;
}

static void free_entry(struct rcu_head *rcu)
{
	kmem_cache_free(cache, container_of(rcu, struct toa_entry, rcu));
	atomic_dec(&live);
}

/* The lock of its bucket is held. */
static void unlink_entry(struct toa_entry *entry)
{
	struct toa_net *tn;

	hlist_del_rcu(&entry->by_socket);
	if (!hlist_unhashed(&entry->by_tuple)) {
		spin_lock(&tuple_lock);
		hlist_del_rcu(&entry->by_tuple);
		spin_unlock(&tuple_lock);
	}
	atomic_dec(&known);
	rcu_read_lock();
	tn = toa_net(entry->net);
	toa_count(tn, TOA_STAT_ENTRY_FREE);
	if (entry->option.client.family == 6)
		toa_count(tn, TOA_STAT_IP6_ADDRESS_FREE);
	rcu_read_unlock();
	call_rcu(&entry->rcu, free_entry);
}

static struct toa_entry *make_entry(const struct sock *sk,
				    const struct toa_option *option, u16 flags)
{
	struct toa_entry *entry = kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_NOWARN);

	if (!entry)
		return NULL;
	INIT_HLIST_NODE(&entry->by_tuple);
	entry->sk = sk;
	entry->net = sock_net(sk);
	entry->peer = sk->sk_v6_daddr;
	entry->local = sk->sk_v6_rcv_saddr;
	entry->peer_port = inet_sk(sk)->inet_dport;
	entry->local_port = inet_sk(sk)->inet_sport;
	entry->flags = flags;
	entry->option = *option;
	return entry;
}

static void link_entry(struct toa_entry *entry)
{
	const struct sock *sk = entry->sk;
	u32 bucket = socket_bucket(sk);
	struct toa_entry *stale;
	unsigned long flags;

	spin_lock_irqsave(&locks[bucket % LOCKS], flags);
	stale = toa_store_of(sk, &toa_store_by_socket[bucket]);
	if (stale)
		unlink_entry(stale);
	hlist_add_head_rcu(&entry->by_socket, &toa_store_by_socket[bucket]);
	if (sk_is_mptcp(sk)) {
		spin_lock(&tuple_lock);
		hlist_add_head_rcu(&entry->by_tuple,
				   &by_tuple[tuple_bucket(&entry->peer, entry->peer_port,
							  &entry->local, entry->local_port)]);
		spin_unlock(&tuple_lock);
	}
	spin_unlock_irqrestore(&locks[bucket % LOCKS], flags);
}

/**
 * toa_store_insert - remembers the option of a connection
 * @sk: a child that nobody else can see yet
 * @option: what it said
 * @flags: the segment that it was on (TOA_FOUND_ON_...)
 *
 * Returns 0, -ENOSPC when max_entries are remembered, or -ENOMEM. Under RCU.
 */
int toa_store_insert(const struct sock *sk, const struct toa_option *option,
		     u16 flags)
{
	struct toa_net *tn = toa_net(sock_net(sk));
	struct toa_entry *entry;

	if (atomic_inc_return(&known) > max_entries) {
		atomic_dec(&known);
		return -ENOSPC;
	}
	entry = make_entry(sk, option, flags);
	if (!entry) {
		atomic_dec(&known);
		return -ENOMEM;
	}
	atomic_inc(&live);
	link_entry(entry);
	toa_count(tn, TOA_STAT_ENTRY_ALLOC);
	if (option->client.family == 6)
		toa_count(tn, TOA_STAT_IP6_ADDRESS_ALLOC);
	return 0;
}

/* The socket ends, or becomes another connection. Any context. */
void toa_store_remove(const struct sock *sk)
{
	u32 bucket = socket_bucket(sk);
	struct toa_entry *entry;
	unsigned long flags;

	/* Nearly every socket of the machine comes by here, and has none. */
	if (likely(hlist_empty(&toa_store_by_socket[bucket])))
		return;
	rcu_read_lock();
	spin_lock_irqsave(&locks[bucket % LOCKS], flags);
	entry = toa_store_of(sk, &toa_store_by_socket[bucket]);
	if (entry)
		unlink_entry(entry);
	spin_unlock_irqrestore(&locks[bucket % LOCKS], flags);
	rcu_read_unlock();
}

/* Entries of one namespace, or of all with NULL. */
void toa_store_forget_net(const struct net *net)
{
	struct toa_entry *entry;
	struct hlist_node *next;
	unsigned long flags;
	u32 bucket;

	if (!atomic_read(&known))
		return;
	for (bucket = 0; bucket < ARRAY_SIZE(toa_store_by_socket); bucket++) {
		if (hlist_empty(&toa_store_by_socket[bucket]))
			continue;
		spin_lock_irqsave(&locks[bucket % LOCKS], flags);
		hlist_for_each_entry_safe(entry, next, &toa_store_by_socket[bucket], by_socket)
			if (!net || entry->net == net)
				unlink_entry(entry);
		spin_unlock_irqrestore(&locks[bucket % LOCKS], flags);
		cond_resched();
	}
}

int __init toa_store_init(void)
{
	unsigned int i;

	BUILD_BUG_ON(sizeof(struct toa_entry) > 192);
	max_entries = clamp(max_entries, 1U << 10, 1U << 22);
	tuple_seed = get_random_u32();
	for (i = 0; i < LOCKS; i++)
		spin_lock_init(&locks[i]);

	cache = KMEM_CACHE(toa_entry, 0);
	return cache ? 0 : -ENOMEM;
}

/* Nobody looks anything up any more. */
void toa_store_exit(void)
{
	rcu_barrier();
	WARN(atomic_read(&live), "toa: %d entries were lost\n", atomic_read(&live));
	kmem_cache_destroy(cache);
}
