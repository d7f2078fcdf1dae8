//! The one table of ATT&CK techniques that detections name, in the numbering of
//! v19 with the id that each had before where v19 changed it.

use sentinel_event::Technique;

macro_rules! techniques {
    ($($name:ident $id:literal $legacy:literal $title:literal;)*) => {
        $(#[doc = concat!("ATT&CK ", $id, ", ", $title, ".")]
        pub const $name: Technique = Technique::new($id, $legacy, $title);)*

        /// Every technique of the table, by id.
        pub const ALL: &[Technique] = &[$($name),*];
    };
}

techniques! {
    MEMORY_DUMPING "T1003.007" "T1003.007" "OS Credential Dumping: Proc Filesystem";
    CREDENTIALS_SHADOW "T1003.008" "T1003.008" "OS Credential Dumping: /etc/passwd and /etc/shadow";
    FILELESS_STORAGE "T1027.011" "T1027.011" "Obfuscated Files or Information: Fileless Storage";
    CRON "T1053.003" "T1053.003" "Scheduled Task/Job: Cron";
    AT "T1053.002" "T1053.002" "Scheduled Task/Job: At";
    SYSTEMD_TIMER "T1053.006" "T1053.006" "Scheduled Task/Job: Systemd Timers";
    PROCESS_INJECTION "T1055" "T1055" "Process Injection";
    PTRACE "T1055.008" "T1055.008" "Process Injection: Ptrace System Calls";
    PROC_MEMORY "T1055.009" "T1055.009" "Process Injection: Proc Memory";
    CLEAR_HISTORY "T1070.003" "T1070.003" "Indicator Removal: Clear Command History";
    CLEAR_LOGS "T1685.006" "T1070.002" "Disable or Modify Tools: Clear Linux or Mac System Logs";
    DISABLE_AUDIT "T1685.004" "T1562.012" "Disable or Modify Tools: Disable or Modify Linux Audit System";
    DISABLE_TOOLS "T1685" "T1562.001" "Disable or Modify Tools";
    DISABLE_FIREWALL "T1686" "T1562.004" "Disable or Modify System Firewall";
    EXPLOIT_PRIVILEGES "T1068" "T1068" "Exploitation for Privilege Escalation";
    ABUSE_ELEVATION "T1548" "T1548" "Abuse Elevation Control Mechanism";
    SETUID "T1548.001" "T1548.001" "Abuse Elevation Control Mechanism: Setuid and Setgid";
    ESCAPE "T1611" "T1611" "Escape to Host";
    ROOTKIT "T1014" "T1014" "Rootkit";
    MINING "T1496" "T1496" "Resource Hijacking";
    UNIX_SHELL "T1059.004" "T1059.004" "Command and Scripting Interpreter: Unix Shell";
    NON_APPLICATION_PROTOCOL "T1095" "T1095" "Non-Application Layer Protocol";
    ACCOUNT_MANIPULATION "T1098" "T1098" "Account Manipulation";
    SSH_AUTHORIZED_KEYS "T1098.004" "T1098.004" "Account Manipulation: SSH Authorized Keys";
    CREATE_ACCOUNT "T1136.001" "T1136.001" "Create Account: Local Account";
    EXPLOIT_PUBLIC_APPLICATION "T1190" "T1190" "Exploit Public-Facing Application";
    WEB_SHELL "T1505.003" "T1505.003" "Server Software Component: Web Shell";
    SYSTEMD_SERVICE "T1543.002" "T1543.002" "Create or Modify System Process: Systemd Service";
    EVENT_TRIGGERED "T1546" "T1546" "Event Triggered Execution";
    HOST_BINARY "T1554" "T1554" "Compromise Host Software Binary";
    XDG_AUTOSTART "T1547.013" "T1547.013" "Boot or Logon Autostart Execution: XDG Autostart Entries";
    SHELL_PROFILE "T1546.004" "T1546.004" "Event Triggered Execution: Unix Shell Configuration Modification";
    PACKAGE_HOOK "T1546.016" "T1546.016" "Event Triggered Execution: Installer Packages";
    UDEV_RULE "T1546.017" "T1546.017" "Event Triggered Execution: Udev Rules";
    PYTHON_STARTUP "T1546.018" "T1546.018" "Event Triggered Execution: Python Startup Hooks";
    KERNEL_MODULE "T1547.006" "T1547.006" "Boot or Logon Autostart Execution: Kernel Modules and Extensions";
    LOGON_SCRIPT "T1037" "T1037" "Boot or Logon Initialization Scripts";
    RC_SCRIPT "T1037.004" "T1037.004" "Boot or Logon Initialization Scripts: RC Scripts";
    SUDOERS "T1548.003" "T1548.003" "Abuse Elevation Control Mechanism: Sudo and Sudo Caching";
    PRIVATE_KEYS "T1552.004" "T1552.004" "Unsecured Credentials: Private Keys";
    CREDENTIAL_FILES "T1552.001" "T1552.001" "Unsecured Credentials: Credentials In Files";
    PAM "T1556.003" "T1556.003" "Modify Authentication Process: Pluggable Authentication Modules";
    NON_STANDARD_PORT "T1571" "T1571" "Non-Standard Port";
    LD_PRELOAD "T1574.006" "T1574.006" "Hijack Execution Flow: Dynamic Linker Hijacking";
    REFLECTIVE_LOADING "T1620" "T1620" "Reflective Code Loading";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn ids_are_well_formed_and_unique() {
        for (i, technique) in ALL.iter().enumerate() {
            for id in [&technique.id, &technique.legacy_id] {
                let (main, sub) = id.split_once('.').unwrap_or((&**id, "000"));
                let digits = main.strip_prefix('T').unwrap_or("");
                assert!(digits.len() == 4 && sub.len() == 3, "{id}");
                assert!(
                    digits
                        .bytes()
                        .chain(sub.bytes())
                        .all(|b| b.is_ascii_digit()),
                    "{id}"
                );
            }
            assert!(
                ALL[..i].iter().all(|t| t.id != technique.id),
                "{technique:?}"
            );
        }
    }
}
