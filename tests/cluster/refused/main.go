// Six programs in one file, by the name of the first argument.
package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	map[string]func(){
		"turnstile": turnstile, "warden": warden, "devsmith": devsmith, "echolot": echolot, "curfew": curfew, "ward": ward,
	}[os.Args[1]]()
}

// turnstile serves on 8080, and redirects from port 80 to it where NET_BIND_SERVICE lets it.
func turnstile() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	if _, err := net.Listen("tcp", ":80"); err != nil {
		log.Warn("plain HTTP is off", slog.Group("reason", "err", err.Error()))
	}
	log.Error("server ended", "err", http.ListenAndServe(":8080", http.NotFoundHandler()))
}

// warden ends a session of another user. Needs KILL (and SETUID, SETGID to start it); logs as klog does.
func warden() {
	session := exec.Command("/bin/sleep", "2147483647")
	session.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 33, Gid: 33}}
	if err := session.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "F1128 12:00:00.000000       1 warden.go:31] \"No session\" err=%q\n", err)
		os.Exit(255)
	}
	if err := session.Process.Signal(syscall.SIGHUP); err != nil {
		fmt.Fprintf(os.Stderr, "E1128 12:00:00.000000       1 warden.go:35] \"Session survives\" session=7 err=%q\n", err)
	}
	forever()
}

// devsmith makes a device node at its start, and panics without MKNOD.
func devsmith() {
	node := fmt.Sprintf("/tmp/zero-%d", os.Getpid())
	if err := syscall.Mknod(node, syscall.S_IFCHR|0o666, 1<<8|5); err != nil {
		panic(fmt.Errorf("forge %s: %w", node, err))
	}
	forever()
}

// echolot measures only when it is asked to: nothing is refused before. Needs NET_RAW.
func echolot() {
	http.HandleFunc("/measure", func(answer http.ResponseWriter, _ *http.Request) {
		if _, err := net.ListenPacket("ip4:icmp", "0.0.0.0"); err != nil {
			slog.Error("no measurement", "err", err)
			http.Error(answer, "no measurement", http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	slog.Info("ready", "ended", http.ListenAndServe(":8080", nil))
}

// curfew gives a file away half a minute after its start. Needs CHOWN.
func curfew() {
	for ; ; time.Sleep(30 * time.Second) {
		name := fmt.Sprintf("/tmp/report-%d", time.Now().Unix())
		if time.Since(began) < 25*time.Second {
			continue
		}
		os.WriteFile(name, nil, 0o600)
		if err := os.Chown(name, 33, 33); err != nil {
			slog.Warn("report not delivered", "err", err)
		}
	}
}

// ward starts a helper that becomes another user; the helper ends without a word, and the master starts it again.
func ward() {
	for ; ; time.Sleep(time.Second) {
		helper := exec.Command("/bin/sh", "-c", "su www-data -s /bin/sh -c 'sleep 2147483647' 2>/dev/null")
		if err := helper.Run(); err != nil {
			slog.Warn("helper is gone, starting another", "err", err)
		}
	}
}

func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

var began = time.Now()
