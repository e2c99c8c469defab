// SPDX-License-Identifier: GPL-2.0-only
/*
 * getname.c - getpeername() and accept() name the client.
 *
 * inet_getname and inet6_getname are hooked at their entry. For a socket with
 * an entry the hook itself writes the client's name, and goes on in a function
 * that returns its length in place of the original. All others just run on,
 * and so do calls that are to fail.
 *
 * The original may sleep for long, waiting for the lock of the socket. Nothing
 * here waits: an entry does not change, and what it is compared with may be
 * read without the lock.
 */
#include "getname.h"
#include "hook.h"
#include "netns.h"
#include "store.h"

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/net.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <net/ipv6.h>
#include <net/tcp_states.h>

static noinline int length_of_v4(void)
{
	return sizeof(struct sockaddr_in);
}

static noinline int length_of_v6(void)
{
	return sizeof(struct sockaddr_in6);
}

/* False for NAT64, which has its socket option, and where the option has no client. */
static bool name_v4(const struct toa_address *client, struct sockaddr_in *name)
{
	if (client->family != 4)
		return false;
	name->sin_family = AF_INET;
	memcpy(&name->sin_port, client->port, sizeof(name->sin_port));
	memcpy(&name->sin_addr, client->bytes, sizeof(name->sin_addr));
	memset(name->sin_zero, 0, sizeof(name->sin_zero));
	return true;
}

/* Flow and scope would be those of the balancer. */
static bool name_v6(const struct toa_address *client, struct sockaddr_in6 *name)
{
	if (!client->family)
		return false;
	name->sin6_family = AF_INET6;
	memcpy(&name->sin6_port, client->port, sizeof(name->sin6_port));
	name->sin6_flowinfo = 0;
	name->sin6_scope_id = 0;
	if (client->family == 4) {
		__be32 v4;

		memcpy(&v4, client->bytes, sizeof(v4));
		ipv6_addr_set_v4mapped(v4, &name->sin6_addr);
	} else {
		memcpy(&name->sin6_addr, client->bytes, sizeof(name->sin6_addr));
	}
	return true;
}

/* accept() asks with 2, and is told the name of a connection that is closed already. */
static bool has_peer(const struct sock *sk, int peer)
{
	return peer == 2 || !((1 << READ_ONCE(sk->sk_state)) & (TCPF_CLOSE | TCPF_SYN_SENT));
}

static __always_inline enum toa_stat
name_client(const struct sock *sk, const struct toa_entry *entry, void *name, int peer, int family)
{
	bool named;

	if (!entry || !peer || !has_peer(sk, peer))
		return TOA_STAT_GETNAME_TOA_EMPTY;
	if (!toa_entry_fits(entry, sk))
		return TOA_STAT_GETNAME_TOA_MISMATCH;

	named = family == AF_INET ? name_v4(&entry->option.client, name)
				  : name_v6(&entry->option.client, name);
	return named ? TOA_STAT_GETNAME_TOA_OK : TOA_STAT_GETNAME_TOA_BYPASS;
}

/* The address of the call that ftrace makes is some bytes into the function. */
static bool is_inet6_getname(unsigned long ip)
{
	return ip - (unsigned long)inet6_getname < 32;
}

static noinline notrace void answer(unsigned long ip, const struct hlist_head *bucket,
				    const struct sock *sk, toa_registers *registers)
{
	int family = is_inet6_getname(ip) ? AF_INET6 : AF_INET;
	enum toa_stat outcome = name_client(sk, toa_store_search(sk, bucket),
					    (void *)toa_argument(registers, 1),
					    (int)toa_argument(registers, 2), family);
	struct toa_net *tn = toa_net(sock_net(sk));

	if (outcome == TOA_STAT_GETNAME_TOA_OK)
		toa_continue_at(registers, family == AF_INET ? (unsigned long)length_of_v4
							     : (unsigned long)length_of_v6);
	if (likely(tn))
		toa_count(tn, outcome);
}

/* For all sockets, most of which have nothing to do with us: not a step too many. */
static void notrace getname_entered(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *ops, toa_registers *registers)
{
	const struct sock *sk = ((struct socket *)toa_argument(registers, 0))->sk;
	const struct hlist_head *bucket = toa_store_bucket(sk);
	struct toa_net *tn;

	preempt_disable_notrace();	/* a reader of RCU, for less */
	if (unlikely(!hlist_empty(bucket) || sk->sk_protocol == IPPROTO_MPTCP)) {
		answer(ip, bucket, sk, registers);
	} else {
		tn = toa_net(sock_net(sk));
		if (likely(tn))
			toa_count(tn, TOA_STAT_GETNAME_TOA_EMPTY);
	}
	preempt_enable_notrace();
}

static struct toa_hook getname_hook =
	TOA_HOOK(getname_entered, FTRACE_OPS_FL_IPMODIFY, "inet_getname", "inet6_getname");

int __init toa_getname_init(void)
{
	return toa_hook_place(&getname_hook);
}

void toa_getname_exit(void)
{
	toa_hook_remove(&getname_hook);
	/* a task may have been preempted on its way to length_of_v4 or in it */
	synchronize_rcu_tasks();
}
