// SPDX-License-Identifier: GPL-2.0-only
/*
 * lifetime.c - the ends of sockets, and of what they were.
 *
 * An entry goes when its socket is destroyed, or when a program uses it again
 * (connect to AF_UNSPEC, then connect or listen). It does not go when the
 * connection is closed: accept() asks for the name of one that was reset.
 */
#include "lifetime.h"
#include "hook.h"
#include "netns.h"
#include "saved_syn.h"
#include "store.h"

#include <linux/printk.h>
#include <linux/tracepoint.h>
#include <net/tcp_states.h>

static void notrace socket_is_destroyed(unsigned long ip, unsigned long parent_ip,
					struct ftrace_ops *ops, toa_registers *registers)
{
	toa_store_remove((struct sock *)toa_argument(registers, 0));
}

static struct toa_hook destruct_hook = TOA_HOOK(socket_is_destroyed, 0, "inet_sock_destruct");

/* The caller has locked the socket when it is to listen. */
static void state_changes(void *unused, const struct sock *sk, const int old, const int new)
{
	struct toa_net *tn;

	if (likely(new != TCP_LISTEN && new != TCP_SYN_SENT))
		return;
	toa_store_remove(sk);
	if (new == TCP_LISTEN && sk->sk_protocol == IPPROTO_TCP) {
		tn = toa_net(sock_net(sk));
		if (tn && READ_ONCE(tn->syn))
			toa_saved_syn_arm((struct sock *)sk);
	}
}

/* It is not exported, but anybody may walk over all there are. */
static struct tracepoint *tracepoint;

static void __init find_tracepoint(struct tracepoint *candidate, void *unused)
{
	if (!strcmp(candidate->name, "inet_sock_set_state"))
		tracepoint = candidate;
}

int __init toa_lifetime_init(void)
{
	int err;

	for_each_kernel_tracepoint(find_tracepoint, NULL);
	err = tracepoint ? tracepoint_probe_register(tracepoint, (void *)state_changes, NULL)
			 : -ENOENT;
	if (err) {
		pr_err("toa: tracepoint inet_sock_set_state: cannot be used (%d)\n", err);
		return err;
	}
	err = toa_hook_place(&destruct_hook);
	if (err) {
		tracepoint_probe_unregister(tracepoint, (void *)state_changes, NULL);
		tracepoint_synchronize_unregister();
	}
	return err;
}

void toa_lifetime_exit(void)
{
	toa_hook_remove(&destruct_hook);
	tracepoint_probe_unregister(tracepoint, (void *)state_changes, NULL);
	tracepoint_synchronize_unregister();
}
