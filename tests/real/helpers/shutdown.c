// Takes the power from an ext4 file system: what it holds in memory never reaches its device.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define EXT4_IOC_SHUTDOWN _IOR('X', 125, uint32_t)
#define NOLOGFLUSH 2u

int main(int count, char **paths) {
	for (int i = 1; i < count; i++) {
		uint32_t how = NOLOGFLUSH;
		int fd = open(paths[i], O_RDONLY | O_DIRECTORY);
		if (fd < 0 || ioctl(fd, EXT4_IOC_SHUTDOWN, &how) < 0) {
			perror(paths[i]);
			return 1;
		}
		close(fd);
	}
	return 0;
}
