// A line between two network namespaces, with everything that real lines do. Two TUN devices, and what comes out of one goes
// into the other when its time has come.
//
//   wire NAMESPACE ADDRESS/PEER NAMESPACE ADDRESS/PEER ORDER SEED
//
// ORDER is a file of one line, read again for each packet and twenty times a second: "NAME VALUE NAME VALUE ...":
//   delay MS, jitter MS (so packets overtake each other), loss, twice, flip (percent of packets), rate (bytes a second),
//   most (bytes of the largest packet that passes: a black hole for the larger ones), up 0, down 0 (nothing goes that way)
//
// Prints "ready" when packets can pass; ends with whoever started it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { PACKETS = 4096, BYTES = 2048, QUEUE_MS = 20000 };

struct packet {
	uint64_t due;
	int to, length;
	unsigned char bytes[BYTES];
};

static struct packet waiting[PACKETS];
static int many;
static uint64_t dice, free_at[2];
static long wish_delay, wish_jitter, wish_loss, wish_twice, wish_flip, wish_rate, wish_most, wish_way[2];

static uint64_t now_us(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static uint64_t roll(uint64_t below) {
	dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
	return below ? dice % below : 0;
}

static void read_order(const char *path) {
	char text[512] = "";
	FILE *file = fopen(path, "re");
	if (!file)
		return;
	char *line = fgets(text, sizeof text, file);
	fclose(file);
	wish_delay = wish_jitter = wish_loss = wish_twice = wish_flip = wish_rate = wish_most = 0;
	wish_way[0] = wish_way[1] = 1;
	char name[16];
	long value;
	for (int used = 0; line && sscanf(line, "%15s %ld%n", name, &value, &used) == 2; line += used) {
		if (!strcmp(name, "delay")) wish_delay = value;
		else if (!strcmp(name, "jitter")) wish_jitter = value;
		else if (!strcmp(name, "loss")) wish_loss = value;
		else if (!strcmp(name, "twice")) wish_twice = value;
		else if (!strcmp(name, "flip")) wish_flip = value;
		else if (!strcmp(name, "rate")) wish_rate = value;
		else if (!strcmp(name, "most")) wish_most = value;
		else if (!strcmp(name, "up")) wish_way[0] = value;
		else if (!strcmp(name, "down")) wish_way[1] = value;
		else { fprintf(stderr, "wire: what is %s?\n", name); exit(2); }
	}
}

static void must(int well, const char *what) {
	if (well)
		return;
	fprintf(stderr, "wire: %s: %s\n", what, strerror(errno));
	exit(1);
}

// One end of the line: a device in a namespace.
static int end(const char *namespace, const char *addresses) {
	char path[256], ours[64], command[256];
	snprintf(path, sizeof path, "/run/netns/%s", namespace);
	int there = open(path, O_RDONLY | O_CLOEXEC);
	must(there >= 0, path);
	must(setns(there, CLONE_NEWNET) == 0, "setns");
	close(there);
	int device = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	must(device >= 0, "/dev/net/tun");
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	snprintf(request.ifr_name, sizeof request.ifr_name, "wire%%d");
	must(ioctl(device, TUNSETIFF, &request) == 0, "TUNSETIFF");
	snprintf(ours, sizeof ours, "%s", addresses);
	char *theirs = strchr(ours, '/');
	must(theirs != NULL, "ADDRESS/PEER");
	*theirs++ = 0;
	snprintf(command, sizeof command, "ip address add %s peer %s dev %s && ip link set %s up mtu 1400 && ip link set lo up",
		 ours, theirs, request.ifr_name, request.ifr_name);
	must(system(command) == 0, command);
	return device;
}

static void take(int device, int way, int to) {
	unsigned char bytes[BYTES];
	long length;
	while ((length = read(device, bytes, sizeof bytes)) > 0) {
		if (!wish_way[way] || (long)roll(100) < wish_loss || (wish_most && length > wish_most))
			continue;
		uint64_t now = now_us(), leaves = now;
		if (wish_rate) {
			// One after the other, and what would wait too long is dropped at the near end.
			leaves = free_at[way] > now ? free_at[way] : now;
			if (leaves > now + QUEUE_MS * 1000u)
				continue;
			free_at[way] = leaves += (uint64_t)length * 1000000u / (uint64_t)wish_rate;
		}
		for (int copies = (long)roll(100) < wish_twice ? 2 : 1; copies > 0 && many < PACKETS; copies--) {
			struct packet *packet = &waiting[many++];
			packet->due = leaves + (uint64_t)wish_delay * 1000u + roll((uint64_t)wish_jitter * 1000u);
			packet->to = to, packet->length = (int)length;
			memcpy(packet->bytes, bytes, (size_t)length);
			if ((long)roll(100) < wish_flip)
				packet->bytes[roll((uint64_t)length)] ^= (unsigned char)(1u << roll(8));
		}
	}
}

// Whatever is due goes out, the earliest first; how many milliseconds until the next.
static int give(void) {
	for (;;) {
		int first = -1;
		for (int i = 0; i < many; i++)
			if (first < 0 || waiting[i].due < waiting[first].due)
				first = i;
		if (first < 0)
			return 50;
		uint64_t now = now_us();
		if (waiting[first].due > now) {
			uint64_t wait = (waiting[first].due - now) / 1000u + 1;
			return wait < 50 ? (int)wait : 50;
		}
		// What a flipped bit makes invalid is refused, as a driver would.
		if (write(waiting[first].to, waiting[first].bytes, (size_t)waiting[first].length) < 0)
			errno = 0;
		waiting[first] = waiting[--many];
	}
}

int main(int count, char **words) {
	must(count == 7, "usage: wire NAMESPACE ADDRESS/PEER NAMESPACE ADDRESS/PEER ORDER SEED");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dice = strtoull(words[6], NULL, 10) * 2654435761u + 88172645463325252u;
	int near = end(words[1], words[2]), far = end(words[3], words[4]);
	read_order(words[5]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct pollfd ends[] = { { near, POLLIN, 0 }, { far, POLLIN, 0 } };
		poll(ends, 2, give());
		read_order(words[5]);
		take(near, 0, far);
		take(far, 1, near);
	}
}
