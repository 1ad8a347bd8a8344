/* Stands for python3 on a host that is a machine of its own: python3 [FILE]

   Waits as long as a start of Python takes there, hands its files, folder, arguments and environment to the resident
   Python of this host (resident.py), and ends as what that runs ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

extern char **environ;
static char told[1 << 20];
static size_t length;

static void tell(const char *text) {
    size_t n = strlen(text) + 1;
    if (length + n > sizeof told) exit(125);
    memcpy(told + length, text, n);
    length += n;
}

int main(int argc, char **argv) {
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "/run/resident"};
    char folder[4096], space[CMSG_SPACE(3 * sizeof(int))] = {0};
    unsigned char code;
    usleep(DELAY * 1000);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(s, (struct sockaddr *)&at, sizeof at) || !getcwd(folder, sizeof folder)) {
        perror("/run/resident");
        return 125;
    }
    tell(folder);
    tell(argc > 1 ? argv[1] : "");
    for (char **each = environ; *each; each++) tell(*each);
    unsigned int size = length;
    struct iovec parts[2] = {{&size, sizeof size}, {told, length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = space, .msg_controllen = sizeof space};
    struct cmsghdr *files = CMSG_FIRSTHDR(&message);
    files->cmsg_level = SOL_SOCKET;
    files->cmsg_type = SCM_RIGHTS;
    files->cmsg_len = CMSG_LEN(3 * sizeof(int));
    memcpy(CMSG_DATA(files), (int[]){0, 1, 2}, 3 * sizeof(int));
    if (sendmsg(s, &message, 0) != (ssize_t)(sizeof size + length)) return 125;
    for (int fd = 0; fd < 3; fd++) close(fd);
    return read(s, &code, 1) == 1 ? code : 125;
}
