// SPDX-License-Identifier: GPL-2.0-only
/*
 * getname.c - getpeername() and accept() name the client.
 *
 * inet_getname and inet6_getname are hooked at their entry. For a socket with
 * an entry the hook goes on in a function of ours, which calls the original
 * and then writes the client over the balancer. All others just run on.
 *
 * The original takes the lock of the socket and may sleep for long, in any
 * number of threads. So nothing here is taken from a pool that could run dry,
 * and the module counts the calls that are inside it before it may go.
 */
#include "getname.h"
#include "hook.h"
#include "netns.h"
#include "store.h"

#include <linux/delay.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/module.h>
#include <linux/net.h>
#include <net/inet_common.h>
#include <net/ipv6.h>

/* Calls on their way to us or in us; those of one CPU may end on another. */
static DEFINE_PER_CPU(long, inside);

static void name_v4(const struct toa_entry *entry, struct sockaddr_in *name,
		    struct toa_net *tn)
{
	const struct toa_address *client = &entry->option.client;

	if (client->family != 4) {	/* NAT64 has its socket option */
		toa_count(tn, TOA_STAT_GETNAME_TOA_BYPASS);
		return;
	}
	/* Somebody else may rename peers too: BPF_CGROUP_INET4_GETPEERNAME. */
	if (name->sin_addr.s_addr != entry->peer.s6_addr32[3] ||
	    name->sin_port != entry->peer_port) {
		toa_count(tn, TOA_STAT_GETNAME_TOA_MISMATCH);
		return;
	}
	memcpy(&name->sin_port, client->port, sizeof(name->sin_port));
	memcpy(&name->sin_addr, client->bytes, sizeof(name->sin_addr));
	toa_count(tn, TOA_STAT_GETNAME_TOA_OK);
}

static void name_v6(const struct toa_entry *entry, struct sockaddr_in6 *name,
		    struct toa_net *tn)
{
	const struct toa_address *client = &entry->option.client;
	__be32 v4;

	if (!client->family) {
		toa_count(tn, TOA_STAT_GETNAME_TOA_BYPASS);
		return;
	}
	if (!ipv6_addr_equal(&name->sin6_addr, &entry->peer) ||
	    name->sin6_port != entry->peer_port) {
		toa_count(tn, TOA_STAT_GETNAME_TOA_MISMATCH);
		return;
	}
	memcpy(&name->sin6_port, client->port, sizeof(name->sin6_port));
	if (client->family == 4) {
		memcpy(&v4, client->bytes, sizeof(v4));
		ipv6_addr_set_v4mapped(v4, &name->sin6_addr);
	} else {
		memcpy(&name->sin6_addr, client->bytes, sizeof(name->sin6_addr));
	}
	/* both were the balancer's */
	name->sin6_flowinfo = 0;
	name->sin6_scope_id = 0;
	toa_count(tn, TOA_STAT_GETNAME_TOA_OK);
}

static void name_client(const struct sock *sk, struct sockaddr *name)
{
	struct toa_net *tn = toa_net(sock_net(sk));
	const struct toa_entry *entry;

	rcu_read_lock();
	entry = toa_store_find(sk);
	if (!entry)
		toa_count(tn, TOA_STAT_GETNAME_TOA_MISMATCH);
	else if (name->sa_family == AF_INET)
		name_v4(entry, (struct sockaddr_in *)name, tn);
	else
		name_v6(entry, (struct sockaddr_in6 *)name, tn);
	rcu_read_unlock();
}

static noinline int toa_inet_getname(struct socket *sock, struct sockaddr *name, int peer)
{
	int length = inet_getname(sock, name, peer);

	if (length > 0)
		name_client(sock->sk, name);
	this_cpu_dec(inside);
	return length;
}

static noinline int toa_inet6_getname(struct socket *sock, struct sockaddr *name, int peer)
{
	int length = inet6_getname(sock, name, peer);

	if (length > 0)
		name_client(sock->sk, name);
	this_cpu_dec(inside);
	return length;
}

static __always_inline void getname_entered(unsigned long parent_ip, unsigned long ours,
					    toa_registers *registers)
{
	const struct socket *sock = (struct socket *)toa_argument(registers, 0);
	const struct sock *sk = sock->sk;
	struct toa_entry *entry;
	struct toa_net *tn;

	rcu_read_lock();
	entry = (int)toa_argument(registers, 2) ? toa_store_find(sk) : NULL;
	if (likely(!entry)) {
		tn = toa_net(sock_net(sk));
		if (tn)
			toa_count(tn, TOA_STAT_GETNAME_TOA_EMPTY);
	} else if (!within_module(parent_ip, THIS_MODULE)) {
		this_cpu_inc(inside);
		toa_continue_at(registers, ours);
	}
	rcu_read_unlock();
}

static void notrace inet_getname_entered(unsigned long ip, unsigned long parent_ip,
					 struct ftrace_ops *ops, toa_registers *registers)
{
	getname_entered(parent_ip, (unsigned long)toa_inet_getname, registers);
}

static void notrace inet6_getname_entered(unsigned long ip, unsigned long parent_ip,
					  struct ftrace_ops *ops, toa_registers *registers)
{
	getname_entered(parent_ip, (unsigned long)toa_inet6_getname, registers);
}

static struct toa_hook hooks[] = {
	TOA_HOOK("inet_getname", inet_getname_entered, FTRACE_OPS_FL_IPMODIFY),
	TOA_HOOK("inet6_getname", inet6_getname_entered, FTRACE_OPS_FL_IPMODIFY),
};

/* With the hooks away it only falls, so a sum that misses a fall is too large. */
static long calls_inside(void)
{
	long calls = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		calls += READ_ONCE(per_cpu(inside, cpu));
	return calls;
}

int __init toa_getname_init(void)
{
	return toa_hooks_place(hooks, ARRAY_SIZE(hooks));
}

void toa_getname_exit(void)
{
	toa_hooks_remove(hooks, ARRAY_SIZE(hooks));
	while (calls_inside())
		msleep(10);
	/* a call that has counted itself out may have been preempted before its return */
	synchronize_rcu_tasks();
}
