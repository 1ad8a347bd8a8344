/* A service that tells its version: service FOLDER PORT

   Ends the process that FOLDER/service.pid names, reads FOLDER/current/VERSION, and answers GET /version from a
   process of its own. /srv/startup, where there is one, holds two numbers: for how many milliseconds the service
   answers 503 after its start, and whether this command waits as long, as `systemctl restart` does for a service of
   Type=notify. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void end_old(const char *file) {
    int pid = 0;
    FILE *f = fopen(file, "r");
    if (!f) return;
    if (fscanf(f, "%d", &pid) == 1 && pid > 1 && kill(pid, SIGTERM) == 0)
        for (int i = 0; i < 5000 && kill(pid, 0) == 0; i++) usleep(1000);
    fclose(f);
}

static int listen_on(int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(s, (struct sockaddr *)&at, sizeof at) || listen(s, 64)) {
        perror("listen");
        exit(1);
    }
    return s;
}

static void serve(int s, const char *version, long ready) {
    char got[2048], said[512], body[256];
    for (;;) {
        int c = accept(s, 0, 0);
        if (c < 0) continue;
        if (read(c, got, sizeof got) > 0) {
            int up = now() >= ready;
            int n = snprintf(body, sizeof body, "{\"version\": \"%s\"}", up ? version : "");
            n = snprintf(said, sizeof said,
                         "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                         "Connection: close\r\n\r\n%s",
                         up ? "200 OK" : "503 Service Unavailable", n, body);
            if (write(c, said, n) < 0) perror("write");
        }
        close(c);
    }
}

int main(int argc, char **argv) {
    char version[64] = "";
    long delay = 0, waits = 0;
    if (argc != 3 || chdir(argv[1])) {
        fprintf(stderr, "usage: service FOLDER PORT\n");
        return 2;
    }
    end_old("service.pid");
    FILE *f = fopen("current/VERSION", "r");
    if (!f || fscanf(f, "%63s", version) != 1) {
        fprintf(stderr, "no current/VERSION: %s\n", strerror(errno));
        return 1;
    }
    fclose(f);
    if ((f = fopen("/srv/startup", "r"))) {
        if (fscanf(f, "%ld %ld", &delay, &waits) < 1) delay = 0;
        fclose(f);
    }
    int s = listen_on(atoi(argv[2]));
    long ready = now() + delay;
    pid_t child = fork();
    if (child < 0) return 1;
    if (child > 0) {
        f = fopen("service.pid", "w");
        if (!f) return 1;
        fprintf(f, "%d\n", child);
        fclose(f);
        if (waits) usleep(delay * 1000);
        return 0;
    }
    setsid();
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    for (int fd = 3; fd < 256; fd++)
        if (fd != s) close(fd);
    serve(s, version, ready);
    return 0;
}
