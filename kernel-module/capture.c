// SPDX-License-Identifier: GPL-2.0-only
/*
 * capture.c - the option is taken from the segment that makes the connection.
 *
 * A listener makes a child in two steps, on one CPU and with bottom halves off:
 *
 *   tcp_v4_syn_recv_sock(listener, skb, request, ...)     the child is made
 *   inet_csk_complete_hashdance(listener, child, request, won)   or, for SYN
 *   inet_csk_reqsk_queue_add(listener, request, child)    cookies and Fast Open:
 *                                                         accept() may have it
 *
 * The first has the segment, the second the child, and nobody but us sees that
 * child before the second is done: no look-up can come too early, for MPTCP
 * neither, whose accept() does not wait for the lock of the child. Both are
 * hooked at their entry, so no return has to be caught.
 */
#include "capture.h"
#include "hook.h"
#include "netns.h"
#include "parse.h"
#include "saved_syn.h"
#include "store.h"
#include "trust.h"
#include "uapi/toa.h"

#include <net/tcp.h>

struct segment {
	const struct request_sock	*req;
	const struct sk_buff		*skb;
};

/* What this CPU is making a child from. */
static DEFINE_PER_CPU(struct segment, current_segment);

static void notrace segment_arrives(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *ops, toa_registers *registers)
{
	this_cpu_write(current_segment.skb, (void *)toa_argument(registers, 1));
	this_cpu_write(current_segment.req, (void *)toa_argument(registers, 2));
}

static void find_in_segment(const struct sk_buff *skb, const struct toa_net *tn,
			    struct toa_finding *finding)
{
	const unsigned char *header = skb_transport_header(skb);

	toa_find(header, skb_tail_pointer(skb) - header, READ_ONCE(tn->formats), finding);
}

static bool has_data(const struct sk_buff *skb)
{
	return skb_transport_offset(skb) + __tcp_hdrlen(tcp_hdr(skb)) < (int)skb->len;
}

static void remember(const struct sock *child, struct toa_net *tn,
		     const struct toa_finding *finding, u16 found_on)
{
	if (finding->duplicates)
		toa_count(tn, TOA_STAT_DUPLICATE);

	switch (toa_store_insert(child, &finding->option, found_on)) {
	case -ENOSPC:
		toa_count(tn, TOA_STAT_TABLE_FULL);
		break;
	case -ENOMEM:
		toa_count(tn, TOA_STAT_NO_MEMORY);
		break;
	}
	toa_count(tn, found_on & TOA_FOUND_ON_SYN ? TOA_STAT_FOUND_ON_SYN :
		      found_on & TOA_FOUND_ON_DATA ? TOA_STAT_FOUND_ON_DATA :
						     TOA_STAT_FOUND_ON_ACK);
}

/* The segment that ends the handshake wins over the SYN. */
static u16 find(const struct sock *child, const struct sk_buff *skb,
		const struct toa_net *tn, struct toa_finding *finding)
{
	bool fast_open = tcp_hdr(skb)->syn;
	enum toa_refusal refusal = TOA_NONE;

	if (!fast_open) {
		find_in_segment(skb, tn, finding);
		if (finding->refusal == TOA_FOUND)
			return has_data(skb) ? TOA_FOUND_ON_DATA : TOA_FOUND_ON_ACK;
		refusal = finding->refusal;
	}
	if (READ_ONCE(tn->syn)) {
		if (fast_open)
			find_in_segment(skb, tn, finding);
		else
			toa_saved_syn_find(child, READ_ONCE(tn->formats), finding);
		if (finding->refusal == TOA_FOUND)
			return TOA_FOUND_ON_SYN;
	}
	finding->refusal = refusal;
	return 0;
}

static void capture(struct sock *child, const struct sk_buff *skb, struct toa_net *tn)
{
	struct toa_finding finding;
	u16 found_on;

	if (tcp_hdr(skb)->syn)
		toa_count(tn, TOA_STAT_FAST_OPEN);

	found_on = find(child, skb, tn, &finding);
	if (found_on && !toa_trust_includes(tn, &child->sk_v6_daddr)) {
		toa_count(tn, TOA_STAT_UNTRUSTED);
		found_on = 0;
	} else if (found_on && !toa_is_plausible(&finding.option)) {
		toa_count(tn, TOA_STAT_IMPLAUSIBLE);
		found_on = 0;
	} else if (!found_on && finding.refusal != TOA_NONE) {
		toa_count(tn, TOA_STAT_MALFORMED);
	}

	if (found_on) {
		toa_count(tn, TOA_STAT_SYN_RECV_SOCK_TOA);
		remember(child, tn, &finding, found_on);
	} else {
		toa_count(tn, TOA_STAT_SYN_RECV_SOCK_NO_TOA);
		if (tcp_hdr(skb)->syn)
			toa_count(tn, TOA_STAT_FAST_OPEN_NO_TOA);
	}
}

static void child_appears(struct sock *child)
{
	const struct sk_buff *skb = this_cpu_read(current_segment.skb);
	struct toa_net *tn;

	/* It may pass both functions of the second step: take it once. */
	this_cpu_write(current_segment.req, NULL);

	/* A child that lost the race for its 4-tuple is closed already. */
	if (child->sk_state == TCP_CLOSE)
		return;

	rcu_read_lock();
	tn = toa_net(sock_net(child));
	if (tn && READ_ONCE(tn->enabled))
		capture(child, skb, tn);
	toa_saved_syn_drop(child);
	rcu_read_unlock();
}

/*
 * Which of the two functions it is, the place of the request says:
 *
 *   inet_csk_complete_hashdance(listener, child, request, own_request)
 *   inet_csk_reqsk_queue_add(listener, request, child)
 */
static void notrace child_is_queued(unsigned long ip, unsigned long parent_ip,
				    struct ftrace_ops *ops, toa_registers *registers)
{
	unsigned long req = (unsigned long)this_cpu_read(current_segment.req);
	unsigned long second = toa_argument(registers, 1);
	unsigned long third = toa_argument(registers, 2);
	bool own_request = toa_argument(registers, 3) & 0xff;

	if (!req)
		return;
	if (third == req && own_request)
		child_appears((struct sock *)second);
	else if (second == req)
		child_appears((struct sock *)third);
}

static struct toa_hook segment_hook =
	TOA_HOOK(segment_arrives, 0, "tcp_v4_syn_recv_sock", "tcp_v6_syn_recv_sock");
static struct toa_hook child_hook =
	TOA_HOOK(child_is_queued, 0, "inet_csk_complete_hashdance", "inet_csk_reqsk_queue_add");

int __init toa_capture_init(void)
{
	int err = toa_hook_place(&child_hook);

	if (err)
		return err;
	err = toa_hook_place(&segment_hook);
	if (err)
		toa_hook_remove(&child_hook);
	return err;
}

void toa_capture_exit(void)
{
	toa_hook_remove(&segment_hook);
	toa_hook_remove(&child_hook);
}
