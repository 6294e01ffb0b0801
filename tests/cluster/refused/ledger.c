/* Writes each start into the kernel's audit log. Needs AUDIT_WRITE, and goes on without. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    struct { struct nlmsghdr head; char text[64]; } sent = {.text = "op=start acct=\"ledger\""}, got;
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
    sent.head = (struct nlmsghdr){sizeof sent, AUDIT_USER, NLM_F_REQUEST | NLM_F_ACK, 1, 0};
    sendto(fd, &sent, sizeof sent, 0, (struct sockaddr *)&kernel, sizeof kernel);
    if (recv(fd, &got, sizeof got, 0) > 0 && got.head.nlmsg_type == NLMSG_ERROR) {
        int error = -((struct nlmsgerr *)((char *)&got + sizeof(struct nlmsghdr)))->error;
        if (error)
            fprintf(stderr, "ledger: start not recorded (%s)\n", strerror(error));
    }
    for (;;) pause();
}
