//! Commands that intruders begin with: to learn where they are, and to fetch what they need.

use crate::words::program;

/// Words that intruders' first commands consist of, and honest ones seldom.
const WORDS: [&str; 22] = [
    "id", "whoami", "uname", "hostname", "ifconfig", "w", "last", "curl", "wget", "nc", "ncat",
    "socat", "telnet", "base64", "xxd", "mkfifo", "nohup", "chattr", "python", "python3", "perl",
    "ruby",
];

/// Parts of a command line that say the same wherever they stand.
const PARTS: [&str; 5] = [
    "/dev/tcp/",
    "/dev/udp/",
    "/etc/shadow",
    "/etc/passwd",
    "/dev/shm/",
];

/// Whether a command line has one of them, or names what only they are after.
pub fn is_line(line: &str) -> bool {
    let commands = line.split([';', '|', '&', '\n', '(', ')', '`']);
    let mut firsts = commands.filter_map(|command| command.split_whitespace().next());
    PARTS.iter().any(|part| line.contains(part)) || firsts.any(is_program)
}

/// Whether a program, by the file name of its path, is one of them.
pub fn is_program(path: &str) -> bool {
    WORDS.contains(&program(path))
}

#[cfg(test)]
mod tests {
    use super::is_line;

    #[test]
    fn intrusive_commands_are_known_by_word_not_by_letters() {
        for line in [
            "id",
            "cd /tmp; wget x",
            "echo x|/usr/bin/base64 -d",
            "cat /etc/passwd",
        ] {
            assert!(is_line(line), "{line}");
        }
        for line in [
            "identify x.png",
            "/usr/sbin/sendmail -t",
            "convert id.png w.png",
            "",
        ] {
            assert!(!is_line(line), "{line}");
        }
    }
}
