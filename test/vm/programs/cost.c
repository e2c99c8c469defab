/*
 * cost PORT: takes the time of system calls; where a nanosecond is an instruction, it counts instructions.
 *
 * "4" and "6" on standard input: accepts a connection on PORT (of IPv4) or PORT + 1 (of IPv6) and prints what a
 * getpeername() on it takes. "connections": what it takes to open, accept and close one over the loopback. The
 * least of many rounds, in thousandths of a nanosecond.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 30, CALLS = 300, CONNECTIONS = 60 };

static void check(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
}

static long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000L + time.tv_nsec;
}

static int listen_on(int family, int port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(family, SOCK_STREAM, 0);

	if (family == AF_INET)
		check(bind(fd, (struct sockaddr *)&four, sizeof(four)), "bind");
	else
		check(bind(fd, (struct sockaddr *)&six, sizeof(six)), "bind");
	check(listen(fd, 100), "listen");
	return fd;
}

static long cost_of_name(int fd)
{
	struct sockaddr_in6 name;
	long best = -1;

	for (int round = 0; round < ROUNDS; round++) {
		long begin = now(), taken;

		for (int call = 0; call < CALLS; call++) {
			socklen_t length = sizeof(name);

			check(getpeername(fd, (struct sockaddr *)&name, &length), "getpeername");
		}
		taken = now() - begin;
		if (best < 0 || taken < best)
			best = taken;
	}
	return best * 1000 / CALLS;
}

static long cost_of_connection(int listener, int port)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct linger reset = { .l_onoff = 1 };
	long best = -1;

	for (int round = 0; round < ROUNDS; round++) {
		long begin = now(), taken;

		for (int i = 0; i < CONNECTIONS; i++) {
			struct sockaddr_in name;
			socklen_t length = sizeof(name);
			int client = socket(AF_INET, SOCK_STREAM, 0), fd;

			check(connect(client, (struct sockaddr *)&own, sizeof(own)), "connect");
			fd = accept(listener, (struct sockaddr *)&name, &length);
			check(fd, "accept");
			setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
			close(client);
			close(fd);
		}
		taken = now() - begin;
		if (best < 0 || taken < best)
			best = taken;
	}
	return best * 1000 / CONNECTIONS;
}

int main(int count, char **arguments)
{
	int port = count > 1 ? atoi(arguments[1]) : 0;
	int four = listen_on(AF_INET, port), six = listen_on(AF_INET6, port + 1);
	char line[20];

	setlinebuf(stdout);
	puts("listening");
	while (fgets(line, sizeof(line), stdin)) {
		long taken;

		if (line[0] == 'c') {
			taken = cost_of_connection(four, port);
		} else {
			int fd = accept(line[0] == '4' ? four : six, NULL, NULL);

			check(fd, "accept");
			taken = cost_of_name(fd);
			close(fd);
		}
		printf("cost %ld\n", taken);
	}
	return 0;
}
