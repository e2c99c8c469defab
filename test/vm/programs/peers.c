/* peers PORT: accepts on [::]:PORT and prints for each connection what accept() and getpeername() say. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *text(const struct sockaddr_in6 *name)
{
	static char texts[2][80];
	static int turn;
	char address[INET6_ADDRSTRLEN];
	char *out = texts[turn = !turn];

	snprintf(out, sizeof(texts[0]), "[%s]:%u", inet_ntop(AF_INET6, &name->sin6_addr, address, sizeof(address)),
		 ntohs(name->sin6_port));
	return out;
}

int main(int count, char **arguments)
{
	int listener = socket(AF_INET6, SOCK_STREAM, 0), on = 1;
	struct sockaddr_in6 own = { .sin6_family = AF_INET6, .sin6_port = htons(count > 1 ? atoi(arguments[1]) : 0) };

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&own, sizeof(own)) < 0 || listen(listener, 100) < 0) {
		perror("peers");
		return 1;
	}
	setlinebuf(stdout);
	puts("listening");
	for (;;) {
		struct sockaddr_in6 accepted = { 0 }, peer = { 0 };
		socklen_t length = sizeof(accepted);
		int fd = accept(listener, (struct sockaddr *)&accepted, &length);

		length = sizeof(peer);
		if (fd < 0 || getpeername(fd, (struct sockaddr *)&peer, &length) < 0)
			perror("peers");
		printf("%s %s\n", text(&accepted), text(&peer));
		close(fd);
	}
}
