// A disk and a clock that fail on order, put under a process by LD_PRELOAD. What is wrong is in a file, and may change at any
// moment: one word for the disk, or seconds for the clock.
//
//   FAULTS_ROOT   files below this directory are on such a disk
//   FAULTS_DISK   a file: "sync-eio", "write-eio", "write-short"; anything else, or no file, and the disk works
//   FAULTS_CLOCK  a file: by how many seconds the wall clock is wrong; no file, and it is right
//
// The monotonic clock is left alone, as a wrong date leaves it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECTOR 512u

static const char *disk, *wall;
static char root[4096];

__attribute__((constructor)) static void begin(void) {
	const char *below = getenv("FAULTS_ROOT");
	snprintf(root, sizeof root, "%s/", below ? below : "");
	disk = below ? getenv("FAULTS_DISK") : NULL;
	wall = getenv("FAULTS_CLOCK");
}

// What is ordered at this moment.
static void read_order(const char *path, char order[32]) {
	int before = errno;
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
	long got = fd < 0 ? 0 : syscall(SYS_read, fd, order, 31);
	order[got > 0 ? got : 0] = 0;
	if (fd >= 0)
		syscall(SYS_close, fd);
	errno = before;
}

static int is_ordered(const char *fault, int fd) {
	char link[64], path[4096], order[32];
	if (!disk)
		return 0;
	read_order(disk, order);
	if (strcmp(order, fault) != 0)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof path - 1);
	return length > 0 && strncmp(path, root, strlen(root)) == 0;
}

// How much of a write the disk takes; 0 = it fails.
static size_t taken(int fd, size_t length) {
	if (is_ordered("write-eio", fd))
		return 0;
	if (length > SECTOR && is_ordered("write-short", fd))
		return (length / 2 + SECTOR - 1) / SECTOR * SECTOR;
	return length;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
	size_t some = taken(fd, length);
	if (some == 0 && length > 0) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, bytes, some, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
	return pwrite64(fd, bytes, length, at);
}

ssize_t write(int fd, const void *bytes, size_t length) {
	size_t some = taken(fd, length);
	if (some == 0 && length > 0) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_write, fd, bytes, some);
}

static int sync_with(long call, int fd) {
	if (is_ordered("sync-eio", fd)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(call, fd);
}

int fsync(int fd) {
	return sync_with(SYS_fsync, fd);
}

int fdatasync(int fd) {
	return sync_with(SYS_fdatasync, fd);
}

int clock_gettime(clockid_t which, struct timespec *now) {
	int result = (int)syscall(SYS_clock_gettime, which, now);
	if (result == 0 && which == CLOCK_REALTIME && wall) {
		char order[32];
		read_order(wall, order);
		now->tv_sec += atoll(order);
	}
	return result;
}
