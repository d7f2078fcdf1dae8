//! The one list of secrets on disk: which paths, which technique, how bad, and which
//! programs are made to read them.

use sentinel_event::{Severity, Technique};

use crate::techniques as t;

/// Secrets of one kind.
pub struct Family {
    /// Its name in alerts.
    pub name: &'static str,
    /// What a file of it is, for a sentence.
    pub thing: &'static str,
    /// How bad an unexpected reading is.
    pub severity: Severity,
    /// ATT&CK techniques.
    pub techniques: &'static [Technique],
    /// Programs that are made to read it.
    pub tools: &'static [&'static str],
}

const SHADOW: Family = Family {
    name: "shadow",
    thing: "the password hashes",
    severity: Severity::Medium,
    techniques: &[t::CREDENTIALS_SHADOW],
    tools: &[
        // Scripts of Perl, whose getpwnam reads the hashes along.
        "/usr/sbin/adduser",
        "/usr/sbin/deluser",
        "/usr/sbin/dpkg-preconfigure",
        "/usr/sbin/dpkg-reconfigure",
        "/usr/share/debconf/frontend",
        "/usr/sbin/unix_chkpwd",
        "/usr/bin/unix_chkpwd",
        "/usr/sbin/unix_update",
        "/usr/sbin/sshd",
        "/usr/lib/openssh/sshd-session",
        "/usr/lib/openssh/sshd-auth",
        "/usr/libexec/openssh/sshd-session",
        "/usr/libexec/openssh/sshd-auth",
        "/usr/bin/login",
        "/usr/bin/su",
        "/usr/bin/sudo",
        "/usr/bin/passwd",
        "/usr/bin/chage",
        "/usr/bin/expiry",
        "/usr/bin/gpasswd",
        "/usr/bin/newgrp",
        "/usr/bin/sg",
        "/usr/bin/chsh",
        "/usr/bin/chfn",
        "/usr/sbin/chpasswd",
        "/usr/sbin/useradd",
        "/usr/sbin/usermod",
        "/usr/sbin/userdel",
        "/usr/sbin/groupadd",
        "/usr/sbin/groupmod",
        "/usr/sbin/groupdel",
        "/usr/sbin/pwck",
        "/usr/sbin/grpck",
        "/usr/sbin/pwconv",
        "/usr/sbin/grpconv",
        "/usr/sbin/vipw",
        "/usr/sbin/cron",
        "/usr/sbin/crond",
        "/usr/sbin/atd",
        "/usr/bin/crontab",
        "/usr/bin/getent",
        "/usr/sbin/nscd",
        "/usr/bin/systemd-sysusers",
        "/usr/lib/systemd/systemd",
        "/usr/lib/systemd/systemd-executor",
        "/usr/lib/systemd/systemd-userdbd",
        "/usr/lib/systemd/systemd-userwork",
        "/usr/lib/systemd/systemd-logind",
        "/usr/libexec/accounts-daemon",
        "/usr/lib/accountsservice/accounts-daemon",
        "/usr/sbin/lightdm",
        "/usr/libexec/gdm-session-worker",
        "/usr/lib/polkit-1/polkit-agent-helper-1",
        "/usr/lib/dovecot/auth",
        "/usr/sbin/saslauthd",
        "/usr/sbin/dropbear",
        "/usr/sbin/vsftpd",
        "/usr/sbin/sssd",
        "/usr/lib/cockpit/cockpit-session",
    ],
};

const SSH_TOOLS: &[&str] = &[
    "/usr/bin/ssh",
    "/usr/bin/ssh-add",
    "/usr/bin/ssh-agent",
    "/usr/bin/ssh-keygen",
    "/usr/bin/ssh-copy-id",
    "/usr/lib/openssh/ssh-keysign",
    "/usr/bin/gnome-keyring-daemon",
    "/usr/libexec/gcr-ssh-agent",
    "/usr/sbin/sshd",
    "/usr/lib/openssh/sshd-session",
    "/usr/lib/openssh/sshd-auth",
    "/usr/libexec/openssh/sshd-session",
    "/usr/libexec/openssh/sshd-auth",
    "/usr/bin/cloud-init",
];

const SSH_KEY: Family = Family {
    name: "ssh_key",
    thing: "a private key of ssh",
    severity: Severity::Medium,
    techniques: &[t::PRIVATE_KEYS],
    tools: SSH_TOOLS,
};

const CLOUD: Family = Family {
    name: "cloud_credentials",
    thing: "a file of access credentials",
    severity: Severity::Low,
    techniques: &[t::CREDENTIAL_FILES],
    tools: &[
        "/usr/bin/aws",
        "/usr/local/bin/aws",
        "/usr/bin/az",
        "/usr/bin/gcloud",
        "/usr/bin/kubectl",
        "/usr/local/bin/kubectl",
        "/usr/bin/helm",
        "/usr/bin/docker",
        "/usr/bin/podman",
        "/usr/bin/git",
        "/usr/lib/git-core/git",
        "/usr/lib/git-core/git-credential-store",
        "/usr/lib/git-core/git-remote-http",
        "/usr/bin/gh",
        "/usr/bin/curl",
        "/usr/bin/wget",
        "/usr/bin/psql",
        "/usr/lib/postgresql/bin/psql",
        "/usr/bin/terraform",
    ],
};

/// Files of credentials by their path within a home.
const CLOUD_FILES: [&str; 9] = [
    "/.aws/credentials",
    "/.kube/config",
    "/.docker/config.json",
    "/.netrc",
    "/.pgpass",
    "/.git-credentials",
    "/.config/gh/hosts.yml",
    "/.azure/msal_token_cache.json",
    "/.config/gcloud/application_default_credentials.json",
];

/// The family that `path` belongs to.
pub fn of(path: &str) -> Option<&'static Family> {
    if let Some(name) = path.strip_prefix("/etc/") {
        return match name {
            "shadow" | "gshadow" | "shadow-" | "gshadow-" => Some(&SHADOW),
            _ if is_host_key(name) => Some(&SSH_KEY),
            _ => None,
        };
    }
    // Every other secret lies in a hidden file or folder.
    let hidden = path.as_bytes().windows(2).rposition(|pair| pair == b"/.")?;
    let tail = &path[hidden..];
    if let Some(name) = tail.strip_prefix("/.ssh/") {
        return is_private_key(name).then_some(&SSH_KEY);
    }
    CLOUD_FILES.contains(&tail).then_some(&CLOUD)
}

fn is_host_key(name: &str) -> bool {
    name.strip_prefix("ssh/ssh_host_")
        .is_some_and(|rest| rest.ends_with("_key"))
}

/// `id_rsa`, `id_ed25519_work`, `deploy.pem`; not `id_rsa.pub`.
fn is_private_key(name: &str) -> bool {
    let is_key = name.starts_with("id_") || name.ends_with(".pem") || name.ends_with(".key");
    is_key && !name.ends_with(".pub") && !name.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_belong_to_the_right_family() {
        let cases = [
            ("/etc/shadow", Some("shadow")),
            ("/etc/shadow-", Some("shadow")),
            ("/etc/shadow-maint/x", None),
            ("/etc/passwd", None),
            ("/etc/ssh/ssh_host_ed25519_key", Some("ssh_key")),
            ("/etc/ssh/ssh_host_ed25519_key.pub", None),
            ("/home/a/.ssh/id_rsa", Some("ssh_key")),
            ("/home/a/.ssh/id_rsa.pub", None),
            ("/home/a/.ssh/config", None),
            ("/root/.aws/credentials", Some("cloud_credentials")),
            ("/home/a/.config/gh/hosts.yml", Some("cloud_credentials")),
            ("/home/a/id_rsa", None),
        ];
        for (path, expected) in cases {
            assert_eq!(of(path).map(|family| family.name), expected, "{path}");
        }
    }
}
