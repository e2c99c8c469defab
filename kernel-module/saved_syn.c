// SPDX-License-Identifier: GPL-2.0-only
/*
 * saved_syn.c - has listeners keep the SYN, for balancers that mark it alone.
 *
 * tcp_sock.save_syn, which TCP_SAVE_SYN sets, is a field of two bits, and
 * programs may set 0, 1 or 2. We set 3: the kernel saves the same as with 1,
 * and the field itself says that it was us. A program that sets it later has
 * its way.
 */
#include "saved_syn.h"

#include <linux/tcp.h>
#include <net/inet_hashtables.h>
#include <net/sock.h>
#include <net/tcp.h>

#define ARMED	3

/* The caller has locked the listener: a bit field is written with its neighbors. */
void toa_saved_syn_arm(struct sock *listener)
{
	struct tcp_sock *tp = tcp_sk(listener);

	if (!tp->save_syn)
		tp->save_syn = ARMED;
}

static void set_if(struct sock *listener, unsigned int from, unsigned int to)
{
	struct tcp_sock *tp = tcp_sk(listener);

	lock_sock(listener);
	if (listener->sk_state == TCP_LISTEN && tp->save_syn == from)
		tp->save_syn = to;
	release_sock(listener);
}

#define BATCH	32

/* References to listeners of the namespace whose save_syn is @value. */
static unsigned int collect(struct inet_listen_hashbucket *bucket, const struct net *net,
			    unsigned int value, struct sock **found)
{
	struct inet_connection_sock *icsk __maybe_unused;
	struct hlist_nulls_node *node __maybe_unused;
	unsigned int count = 0;
	struct sock *sk;

	rcu_read_lock();
	toa_for_each_listener(sk, icsk, node, bucket) {
		if (count == BATCH)
			break;
		if (sock_net(sk) == net && sk->sk_protocol == IPPROTO_TCP &&
		    sk->sk_state == TCP_LISTEN && tcp_sk(sk)->save_syn == value &&
		    refcount_inc_not_zero(&sk->sk_refcnt))
			found[count++] = sk;
	}
	rcu_read_unlock();
	return count;
}

static void change_all(struct net *net, unsigned int from, unsigned int to)
{
	struct inet_hashinfo *hashinfo = toa_hashinfo(net);
	struct sock *found[BATCH];
	unsigned int i, count;
	u32 bucket;

	for (bucket = 0; bucket <= hashinfo->lhash2_mask; bucket++) {
		/* those that are done are not collected again */
		do {
			count = collect(&hashinfo->lhash2[bucket], net, from, found);
			for (i = 0; i < count; i++) {
				set_if(found[i], from, to);
				sock_put(found[i]);
			}
		} while (count == BATCH);
		cond_resched();
	}
}

/* Listeners open already; those to come are armed when they listen (lifetime.c). */
void toa_saved_syn_arm_all(struct net *net)
{
	change_all(net, 0, ARMED);
}

void toa_saved_syn_disarm_all(struct net *net)
{
	change_all(net, ARMED, 0);
}

/* In the SYN that was saved for a child, whoever asked for it to be saved. */
void toa_saved_syn_find(const struct sock *child, unsigned int formats,
			struct toa_finding *finding)
{
	const struct saved_syn *syn = tcp_sk(child)->saved_syn;

	if (syn)
		toa_find(syn->data + syn->mac_hdrlen + syn->network_hdrlen,
			 syn->tcp_hdrlen, formats, finding);
	else
		finding->refusal = TOA_NONE;
}

/* The program did not ask for the SYN and must not find one. The child is locked. */
void toa_saved_syn_drop(struct sock *child)
{
	struct tcp_sock *tp = tcp_sk(child);

	if (tp->save_syn == ARMED) {
		tp->save_syn = 0;
		tcp_saved_syn_free(tp);
	}
}
