//! The one list of places that decide what runs, or who may log in, later: which
//! paths, which technique, how bad, and which tools are made for them.

use sentinel_event::{Severity, Technique};

use crate::places::{self, Place};
use crate::techniques as t;

/// Files that serve one purpose.
pub struct Family {
    /// Its name in alerts.
    pub name: &'static str,
    /// What a file of it is, for a sentence: `a cron job`.
    pub thing: &'static str,
    /// How bad an unexpected change is.
    pub severity: Severity,
    /// ATT&CK techniques.
    pub techniques: &'static [Technique],
    /// Where its files lie.
    places: &'static [Place],
    /// Programs that are made to change it.
    pub tools: &'static [&'static str],
}

use Place::{Below, Ending, File, Home, HomeBelow, Part, Python};
use Severity::{High, Low, Medium};

const ACCOUNT_TOOLS: &[&str] = &[
    "/usr/bin/passwd",
    "/usr/bin/chsh",
    "/usr/bin/chfn",
    "/usr/bin/chage",
    "/usr/bin/gpasswd",
    "/usr/sbin/chpasswd",
    "/usr/sbin/useradd",
    "/usr/sbin/usermod",
    "/usr/sbin/userdel",
    "/usr/sbin/groupadd",
    "/usr/sbin/groupmod",
    "/usr/sbin/groupdel",
    "/usr/sbin/vipw",
    "/usr/sbin/pwconv",
    "/usr/sbin/grpconv",
    "/usr/sbin/unix_chkpwd",
    "/usr/sbin/unix_update",
    "/usr/bin/systemd-sysusers",
];

/// The family of programs that packages install.
pub const PROGRAM: &str = "program";

/// Every family; the first that matches counts.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "ld_preload",
        thing: "the list of libraries that every program loads",
        severity: High,
        techniques: &[t::LD_PRELOAD],
        places: &[File("/etc/ld.so.preload")],
        tools: &[],
    },
    Family {
        name: "linker_path",
        thing: "a search path of the dynamic linker",
        severity: Medium,
        techniques: &[t::LD_PRELOAD],
        places: &[File("/etc/ld.so.conf"), Below("/etc/ld.so.conf.d")],
        tools: &[],
    },
    Family {
        name: "account",
        thing: "the list of accounts",
        severity: High,
        techniques: &[t::ACCOUNT_MANIPULATION, t::CREATE_ACCOUNT],
        places: &[
            File("/etc/passwd"),
            File("/etc/shadow"),
            File("/etc/group"),
            File("/etc/gshadow"),
        ],
        tools: ACCOUNT_TOOLS,
    },
    Family {
        name: "sudoers",
        thing: "the rules of sudo",
        severity: High,
        techniques: &[t::SUDOERS],
        places: &[File("/etc/sudoers"), Below("/etc/sudoers.d")],
        tools: &["/usr/sbin/visudo"],
    },
    Family {
        name: "pam",
        thing: "the configuration or a module of PAM",
        severity: High,
        techniques: &[t::PAM],
        places: &[
            Below("/etc/pam.d"),
            File("/etc/pam.conf"),
            Part("/usr/lib", "/security/pam_"),
            Part("/usr/lib64", "/security/pam_"),
            Part("/lib", "/security/pam_"),
            Part("/lib64", "/security/pam_"),
        ],
        tools: &["/usr/sbin/pam-auth-update", "/usr/bin/authselect"],
    },
    Family {
        name: "authorized_keys",
        thing: "a list of keys that may log in",
        severity: Medium,
        techniques: &[t::SSH_AUTHORIZED_KEYS],
        places: &[Home(".ssh/authorized_keys"), Home(".ssh/authorized_keys2")],
        tools: &[],
    },
    Family {
        name: "at",
        thing: "an at job",
        severity: Medium,
        techniques: &[t::AT],
        places: &[
            Below("/var/spool/cron/atjobs"),
            Below("/var/spool/cron/atspool"),
            Below("/var/spool/at"),
        ],
        tools: &["/usr/bin/at", "/usr/sbin/atd"],
    },
    Family {
        name: "cron",
        thing: "a cron job",
        severity: Medium,
        techniques: &[t::CRON],
        places: &[
            File("/etc/crontab"),
            File("/etc/anacrontab"),
            Below("/etc/cron.d"),
            Below("/etc/cron.hourly"),
            Below("/etc/cron.daily"),
            Below("/etc/cron.weekly"),
            Below("/etc/cron.monthly"),
            Below("/var/spool/cron"),
        ],
        tools: &["/usr/bin/crontab"],
    },
    Family {
        name: "systemd_timer",
        thing: "a systemd timer",
        severity: Medium,
        techniques: &[t::SYSTEMD_TIMER],
        places: &[Ending("", ".timer")],
        tools: &["/usr/bin/systemctl"],
    },
    Family {
        name: "systemd_generator",
        thing: "a program that systemd runs at boot",
        severity: High,
        techniques: &[t::SYSTEMD_SERVICE],
        places: &[
            Below("/etc/systemd/system-generators"),
            Below("/etc/systemd/user-generators"),
            Below("/usr/lib/systemd/system-generators"),
            Below("/usr/lib/systemd/user-generators"),
            Below("/usr/local/lib/systemd/system-generators"),
            Below("/lib/systemd/system-generators"),
            Below("/run/systemd/system-generators"),
            Below("/usr/lib/systemd/system-shutdown"),
            Below("/usr/lib/systemd/system-sleep"),
            Below("/etc/systemd/system-environment-generators"),
        ],
        tools: &[],
    },
    Family {
        name: "systemd_service",
        thing: "a systemd unit",
        severity: Medium,
        techniques: &[t::SYSTEMD_SERVICE],
        places: &[
            Ending("", ".service"),
            Ending("", ".socket"),
            Ending("", ".path"),
            Ending("", ".conf"),
            Below("/usr/share/dbus-1/system-services"),
            Below("/usr/share/polkit-1/rules.d"),
            Below("/etc/polkit-1"),
            Below("/etc/dbus-1/system.d"),
        ],
        tools: &["/usr/bin/systemctl"],
    },
    Family {
        name: "init_script",
        thing: "a script that runs at boot",
        severity: Medium,
        techniques: &[t::RC_SCRIPT],
        places: &[
            File("/etc/rc.local"),
            File("/etc/inittab"),
            Below("/etc/init.d"),
            Below("/etc/rc.d"),
            Below("/etc/rcS.d"),
            Below("/etc/rc3.d"),
            Below("/etc/rc5.d"),
            Below("/etc/initramfs-tools"),
            Below("/usr/lib/dracut"),
            Below("/etc/dracut.conf.d"),
            Below("/etc/grub.d"),
            File("/etc/default/grub"),
        ],
        tools: &["/usr/sbin/update-rc.d", "/usr/sbin/chkconfig"],
    },
    Family {
        name: "login_script",
        thing: "a script that runs at every login",
        severity: Medium,
        techniques: &[t::LOGON_SCRIPT],
        places: &[
            Below("/etc/update-motd.d"),
            File("/etc/ssh/sshrc"),
            Home(".ssh/rc"),
        ],
        tools: &[],
    },
    Family {
        name: "shell_profile",
        thing: "a start-up file of the shell",
        severity: Medium,
        techniques: &[t::SHELL_PROFILE],
        places: &[
            File("/etc/profile"),
            File("/etc/bash.bashrc"),
            File("/etc/bashrc"),
            File("/etc/environment"),
            Below("/etc/profile.d"),
            Below("/etc/zsh"),
            Home(".bashrc"),
            Home(".bash_profile"),
            Home(".bash_login"),
            Home(".bash_logout"),
            Home(".profile"),
            Home(".zshrc"),
            Home(".zshenv"),
            Home(".zprofile"),
            Home(".kshrc"),
            HomeBelow(".config/fish"),
        ],
        tools: &[],
    },
    Family {
        name: "autostart",
        thing: "a program that starts with the desktop",
        severity: Low,
        techniques: &[t::XDG_AUTOSTART],
        places: &[Below("/etc/xdg/autostart"), HomeBelow(".config/autostart")],
        tools: &[],
    },
    Family {
        name: "udev",
        thing: "a rule of udev",
        severity: Medium,
        techniques: &[t::UDEV_RULE],
        places: &[
            Below("/etc/udev/rules.d"),
            Below("/usr/lib/udev/rules.d"),
            Below("/lib/udev/rules.d"),
            Below("/run/udev/rules.d"),
        ],
        tools: &[],
    },
    Family {
        name: "kernel_module",
        thing: "a kernel module or the list of them",
        severity: Medium,
        techniques: &[t::KERNEL_MODULE],
        places: &[
            File("/etc/modules"),
            Below("/etc/modules-load.d"),
            Below("/usr/lib/modules-load.d"),
            Below("/etc/modprobe.d"),
            Below("/usr/lib/modprobe.d"),
            Ending("/lib/modules", ".ko"),
            Ending("/usr/lib/modules", ".ko"),
        ],
        tools: &["/usr/sbin/depmod", "/usr/bin/kmod"],
    },
    Family {
        name: "package_hook",
        thing: "a hook of the package manager",
        severity: Medium,
        techniques: &[t::PACKAGE_HOOK],
        places: &[
            File("/etc/apt/apt.conf"),
            Below("/etc/apt/apt.conf.d"),
            Below("/etc/dpkg/dpkg.cfg.d"),
            Below("/etc/dnf/plugins"),
            Below("/etc/yum/pluginconf.d"),
            Below("/usr/share/dnf/plugins"),
            Below("/usr/lib/yum-plugins"),
            Below("/etc/pacman.d/hooks"),
            Below("/etc/kernel"),
            Below("/var/lib/dpkg/info"),
        ],
        tools: &[],
    },
    Family {
        name: "network_hook",
        thing: "a script that runs when the network changes",
        severity: Medium,
        techniques: &[t::EVENT_TRIGGERED],
        places: &[
            Below("/etc/NetworkManager/dispatcher.d"),
            Below("/etc/network/if-up.d"),
            Below("/etc/networkd-dispatcher"),
            Below("/etc/dhcp/dhclient-exit-hooks.d"),
        ],
        tools: &[],
    },
    Family {
        name: "python_startup",
        thing: "a file that Python runs whenever it starts",
        severity: Low,
        techniques: &[t::PYTHON_STARTUP],
        places: &[
            Python("/sitecustomize.py"),
            Python("/usercustomize.py"),
            Python(".pth"),
            Home(".pythonrc"),
            Home(".config/python_startup.py"),
        ],
        tools: &[],
    },
    Family {
        name: "git_hook",
        thing: "a hook or the settings of git",
        severity: Low,
        techniques: &[t::EVENT_TRIGGERED],
        places: &[
            Part("", "/.git/hooks/"),
            File("/etc/gitconfig"),
            Home(".gitconfig"),
            HomeBelow(".config/git/hooks"),
        ],
        tools: &["/usr/bin/git"],
    },
    // Last, as some of the above lie there.
    Family {
        name: PROGRAM,
        thing: "a program of the system",
        severity: Medium,
        techniques: &[t::HOST_BINARY],
        places: &[
            Below("/usr/bin"),
            Below("/usr/sbin"),
            Below("/bin"),
            Below("/sbin"),
        ],
        tools: &[],
    },
];

/// The family that `path` belongs to.
pub fn of(path: &str) -> Option<&'static Family> {
    if !places::may_matter(path) {
        return None;
    }
    FAMILIES
        .iter()
        .find(|family| family.places.iter().any(|place| place.holds(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_belong_to_the_right_family() {
        let cases = [
            ("/etc/ld.so.preload", Some("ld_preload")),
            ("/etc/passwd", Some("account")),
            ("/etc/passwd-", None),
            ("/etc/cron.d/x", Some("cron")),
            ("/etc/cron.d", Some("cron")),
            ("/var/spool/cron/crontabs/root", Some("cron")),
            ("/var/spool/cron/atjobs/a1", Some("at")),
            ("/var/spool/cron/atspool/a1", Some("at")),
            ("/etc/systemd/system/x.service", Some("systemd_service")),
            (
                "/etc/systemd/system/x.service.d/a.conf",
                Some("systemd_service"),
            ),
            ("/etc/systemd/system/x.timer", Some("systemd_timer")),
            ("/run/systemd/transient/run-1.service", None),
            ("/run/systemd/generator/x.service", None),
            (
                "/etc/systemd/system-generators/x",
                Some("systemd_generator"),
            ),
            (
                "/home/a/.config/systemd/user/x.service",
                Some("systemd_service"),
            ),
            ("/home/a/src/x.service", None),
            ("/root/.bashrc", Some("shell_profile")),
            ("/home/a/.bashrc", Some("shell_profile")),
            ("/home/a/backup/.bashrc", None),
            ("/var/lib/postgresql/.bash_profile", Some("shell_profile")),
            ("/var/lib/docker/overlay2/x/diff/root/.bashrc", None),
            ("/home/a/.ssh/authorized_keys", Some("authorized_keys")),
            ("/home/a/.ssh/known_hosts", None),
            (
                "/usr/lib/x86_64-linux-gnu/security/pam_evil.so",
                Some("pam"),
            ),
            (
                "/usr/lib/python3/dist-packages/x.pth",
                Some("python_startup"),
            ),
            (
                "/home/a/.local/lib/python3.11/site-packages/x.pth",
                Some("python_startup"),
            ),
            ("/home/a/venv/lib/python3.11/site-packages/x.pth", None),
            ("/home/a/p/.git/hooks/pre-commit", Some("git_hook")),
            ("/home/a/p/.git/hooks/pre-commit.sample", None),
            (
                "/var/lib/docker/overlay2/x/diff/usr/lib/security/pam_unix.so",
                None,
            ),
            ("/etc/cron.d/.x.swp", None),
            ("/usr/bin/whoami", Some(PROGRAM)),
            ("/usr/local/bin/x", None),
            ("/tmp/x", None),
        ];
        for (path, expected) in cases {
            assert_eq!(of(path).map(|family| family.name), expected, "{path}");
        }
    }
}
